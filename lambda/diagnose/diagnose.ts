import { type Config, policyOf } from '../config.ts';
import type { Minter } from '../mint/minter.ts';
import type { Clock } from '../refresh/clock.ts';
import type { Parameters } from '../refresh/parameters.ts';
import type { RefreshResult } from '../refresh/refresh.ts';
import {
  compareScope,
  describeAge,
  describeClock,
  describeReading,
  describeReplacement,
  describeToken,
} from './findings.ts';
import { problemOf } from './problem.ts';
import { describeSchedule } from './schedule.ts';
import { createSteps, type DiagnosisStep } from './step.ts';
import { useTokens } from './use-tokens.ts';

/** The result of `{"diagnose": true}`. */
export interface Diagnosis {
  /** What is wrong and what to do, in one sentence: of the first step that failed, else that warns; null if none does. */
  readonly problem: string | null;
  /** Whether every step is ok. Warnings do not count. */
  readonly healthy: boolean;
  readonly steps: readonly DiagnosisStep[];
}

interface DiagnoseOptions {
  /** Reads the configuration and opens the parameters. @throws RefreshError `CONFIG_INVALID` */
  readonly open: () => { readonly config: Config; readonly parameters: Parameters };
  /** Rejects with a RefreshError `CONFIG_INVALID`. */
  readonly loadMinter: (config: Config) => Promise<Minter>;
  /** Refreshes the token with this minter: if it is due, or in any case. */
  readonly refresh: (
    request: { readonly kind: 'beat' | 'force' },
    minter: Minter,
  ) => Promise<Pick<RefreshResult, 'outcome' | 'reason'>>;
  /** The function's own clock, uncorrected. */
  readonly now: () => Date;
  /** The clock that the minter reads: compared with AWS's before anything is minted, as in a refresh. */
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Refreshes the token if it is due, and runs every step of a refresh without storing anything, with one exception: if the
 * provider refuses the stored token after the mint, the new token is stored, because a diagnosis must not leave jobs
 * without a token. A token is minted once, for both. Never throws: a failed step is part of the result.
 */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const { open, loadMinter, refresh, now, clock, signal } = options;
  const opening = createSteps(now);
  const opened = await opening.run('config', async () => {
    const { config, parameters } = open();
    return { config, parameters, minter: await loadMinter(config) };
  });
  if (opened === undefined) {
    opening.skip('secret', 'token-endpoint', 'scope', 'probe', 'parameters', 'clock', 'schedule');
    return report(opening.steps);
  }
  const { config, parameters } = opened;
  const minter = mintOnce(opened.minter);
  const before = await parameters.read({ signal }).catch(() => undefined);
  // A failure is what the steps find again.
  const refreshed = await refresh({ kind: 'beat' }, minter).catch(() => undefined);

  const storing = createSteps(now);
  const reading = await storing.run(
    'parameters',
    () => parameters.read({ signal }),
    (found) => {
      const finding = describeReading(found, found.awsTime ?? now());
      const isReplaced = refreshed?.outcome === 'refreshed';
      return isReplaced ? describeReplacement(finding, before, refreshed.reason) : finding;
    },
  );
  if (reading === undefined) storing.skip('clock');
  else {
    const { awsTime } = reading;
    const compare = async () => clock.compare(awsTime);
    await storing.run('clock', compare, (differenceMs) => describeClock(awsTime, differenceMs));
  }

  const minting = createSteps(now);
  const secret = await minting.run(
    'secret',
    () => minter.checkSecret({ signal }),
    ({ createdAt }) => describeAge(createdAt, now()),
  );
  const token =
    secret &&
    (await minting.run(
      'token-endpoint',
      () => minter.mint({ signal }),
      (minted) => describeToken(minted, config),
    ));
  if (token === undefined) minting.skip('token-endpoint', 'scope', 'probe');
  else {
    const store = () => refresh({ kind: 'force' }, minter);
    const use = () => useTokens({ config, parameters, minter, reading, store, clock, signal }, token);
    await minting.run(
      'scope',
      async () => compareScope(minter.scope, token),
      (finding) => finding,
    );
    await minting.run('probe', use, (finding) => finding);
  }
  const schedule = describeSchedule(before, before?.awsTime ?? now(), policyOf(config));
  return report([...opening.steps, ...minting.steps, ...storing.steps, schedule]);
}

/** The steps examine the token, or the failure, of the refresh before them. */
function mintOnce(minter: Minter): Minter {
  let minted: ReturnType<Minter['mint']> | undefined;
  return {
    ...minter,
    mint: (options) => {
      minted ??= minter.mint(options);
      return minted;
    },
  };
}

function report(steps: readonly DiagnosisStep[]): Diagnosis {
  return { problem: problemOf(steps), healthy: steps.every(({ ok }) => ok), steps };
}
