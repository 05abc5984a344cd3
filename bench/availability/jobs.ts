import { guarantee } from '../../lambda/contract.ts';
import { gapsOf, type Outcome } from '../../local/simulation/simulate.ts';
import { type Strategy, strategiesFor } from '../../local/simulation/strategies.ts';
import { DAY_MS } from '../../local/simulation/world.ts';
import { formatTable } from '../table.ts';
import { live, type Scope } from './claims.ts';
import type { Progress } from './comparison.ts';
import { count, duration, perHundredThousand } from './report.ts';
import { JOB_SETTINGS, promisedMs, type Setting, settingName, toleranceOf } from './settings.ts';

/** How many simulations {@link tryJobs} makes. */
export function jobRuns(seeds: number): number {
  return JOB_SETTINGS.length * (seeds + 3);
}

/**
 * Claim 5: jobs of up to `longestJob` that read once. None is lost if no outage is longer than the job guarantee allows.
 * Also the year with all faults, compared with the fixed schedule and the default.
 */
export async function tryJobs(
  scope: Scope,
  seeds: number,
  progress: Progress,
  broken: string[],
): Promise<string> {
  const within = await tryWithinJobGuarantee(scope, seeds, progress, broken);
  const year = await tryWholeYear(scope, progress, broken);
  return `No outage longer than the job guarantee allows\n${within}\n\nThe whole year: jobs lost per 100,000\n${year}`;
}

async function tryWithinJobGuarantee(scope: Scope, seeds: number, progress: Progress, broken: string[]) {
  const rows: string[][] = [];
  for (const setting of JOB_SETTINGS) {
    for (let index = 0; index < seeds; index++) {
      const seeded = { ...scope, seed: scope.seed + index };
      const name = `${settingName(setting)}, seed ${seeded.seed}`;
      const outcome = await live({
        scope: seeded,
        setting,
        longestTrouble: 1,
        jobsOnlyMs: promisedMs(setting),
        onProgress: (done) => progress(`jobs: ${name}`, done),
      });
      const lost = lostOf(outcome);
      const short = gapsOf(outcome, promisedMs(setting)).length;
      rows.push([
        name,
        duration(guarantee(setting.lifetimeMs, setting).refreshAfterMs),
        duration(toleranceOf(setting)),
        count(outcome.builds.length),
        count(lost),
        duration(outcome.remainingAtReads[0] ?? 0),
        String(short),
        mintsADay(outcome),
      ]);
      if (lost > 0) broken.push(`claim 5, ${name}: ${lost} jobs that read once were lost`);
      if (short > 0) broken.push(`claim 5, ${name}: ${short} times less than the longest job was left`);
    }
  }
  const head = [
    'lifetime, interval, longest job',
    'R',
    'trouble up to',
    'jobs',
    'lost',
    'worst left',
    'less than J left',
    'mints/day',
  ];
  return formatTable(head, rows);
}

async function tryWholeYear(scope: Scope, progress: Progress, broken: string[]) {
  const rows: string[][] = [];
  for (const setting of JOB_SETTINGS) {
    const name = settingName(setting);
    const outcomes: Outcome[] = [];
    for (const strategy of strategiesOf(setting)) {
      outcomes.push(
        await live({
          scope,
          setting,
          strategy,
          jobsOnlyMs: promisedMs(setting),
          onProgress: (done) => progress(`jobs, the year: ${name}, ${strategy.name}`, done),
        }),
      );
    }
    const [fixed, , ours] = outcomes;
    if (fixed === undefined || ours === undefined) continue;
    rows.push([
      name,
      count(ours.builds.length),
      ...outcomes.map(({ builds }) => count(perHundredThousand(builds, 'lost'))),
      mintsADay(ours),
    ]);
    if (lostOf(ours) >= lostOf(fixed))
      broken.push(`claim 5, ${name}: no fewer jobs lost than by a fixed schedule`);
  }
  const head = [
    'lifetime, interval, longest job',
    'jobs',
    'fixed schedule',
    'ours, 50 min',
    'ours, longestJob',
    'mints/day',
  ];
  return formatTable(head, rows);
}

/** The fixed schedule with one attempt, ours by default, ours with the longest job. */
function strategiesOf(setting: Setting): readonly Strategy[] {
  const { refreshIntervalMs } = setting;
  return [
    ...strategiesFor(setting.lifetimeMs).slice(1, 2),
    { name: 'ours', kind: 'ours', refreshIntervalMs },
    { name: 'ours, longestJob', kind: 'ours', refreshIntervalMs, longestJobMs: setting.longestJobMs },
  ];
}

function lostOf({ builds }: Outcome): number {
  return builds.filter(({ state }) => state === 'lost').length;
}

function mintsADay({ mints, spanMs }: Outcome): string {
  return ((mints / spanMs) * DAY_MS).toFixed(1);
}
