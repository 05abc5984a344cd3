import { type BuildEnd, READINGS, type Reading } from '../../local/simulation/builds.ts';
import { gapsOf, type Outcome } from '../../local/simulation/simulate.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../local/simulation/world.ts';

/** Builds per 100,000 with this end, of one way of reading or of all. */
export function perHundredThousand(
  builds: readonly BuildEnd[],
  state: BuildEnd['state'],
  reading?: Reading,
): number {
  const counted = reading === undefined ? builds : builds.filter((build) => build.reading === reading);
  const found = counted.filter((build) => build.state === state).length;
  return counted.length === 0 ? 0 : (found / counted.length) * 100_000;
}

/** The heads of {@link comparisonRow}'s columns. */
export const COMPARISON_HEAD = [
  'strategy',
  ...READINGS.map((reading) => `lost: ${reading}`),
  'lost: all',
  'turned away',
  'live',
  'worst left',
  '1 % left',
  'mints/day',
  'AWS calls/day',
  'longest gap',
];

/** One strategy's line: losses are builds per 100,000. */
export function comparisonRow(outcome: Outcome): readonly string[] {
  const { strategy, builds, remainingAtReads, spanMs } = outcome;
  const stores = strategy.kind !== 'fetch-at-start';
  const gapsMs = gapsOf(outcome).map(({ from, to }) => to - from);
  const liveShare = 1 - gapsMs.reduce((sum, gapMs) => sum + gapMs, 0) / (spanMs - HOUR_MS);
  const percentile = remainingAtReads[Math.floor(remainingAtReads.length / 100)] ?? 0;
  return [
    strategy.name,
    ...READINGS.map((reading) => count(perHundredThousand(builds, 'lost', reading))),
    count(perHundredThousand(builds, 'lost')),
    count(perHundredThousand(builds, 'turned-away')),
    stores ? `${(liveShare * 100).toFixed(3)} %` : '-',
    duration(remainingAtReads[0] ?? 0),
    duration(percentile),
    ((outcome.mints / spanMs) * DAY_MS).toFixed(1),
    stores ? count((outcome.awsCalls / spanMs) * DAY_MS) : '-',
    stores ? duration(Math.max(0, ...gapsMs)) : '-',
  ];
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A length of time for people: `9 min 20 s`. */
export function duration(ms: number): string {
  if (ms < 100) return '0';
  if (ms < MINUTE_MS) return `${(ms / 1_000).toFixed(1)} s`;
  const totalSeconds = Math.round(ms / 1_000);
  const hours = Math.floor(totalSeconds / 3_600);
  const minutes = Math.floor((totalSeconds % 3_600) / 60);
  const seconds = totalSeconds % 60;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  return seconds > 0 ? `${minutes} min ${seconds} s` : `${minutes} min`;
}
