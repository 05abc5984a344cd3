import { type Config, policyOf } from '../config.ts';
import type { Minter } from '../mint/minter.ts';
import type { Clock } from '../refresh/clock.ts';
import type { Parameters, Reading } from '../refresh/parameters.ts';
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
import { createRunStep, type DiagnosisStep, type RunStep, skipped } from './step.ts';
import { type UseTokensOptions, useTokens } from './use-tokens.ts';

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
  /** Refreshes the token if it is due, with this minter, as a beat does. */
  readonly refreshIfDue: (minter: Minter) => Promise<Pick<RefreshResult, 'outcome' | 'reason'>>;
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
  const run = createRunStep(options.now);
  const { step, value } = await run('config', async () => {
    const { config, parameters } = options.open();
    return { value: { config, parameters, minter: await options.loadMinter(config) }, finding: {} };
  });
  if (value === undefined) {
    return report([
      step,
      ...skipped('config', 'secret', 'token-endpoint', 'scope', 'probe', 'parameters', 'clock', 'schedule'),
    ]);
  }
  const { config, parameters } = value;
  const minter = mintOnce(value.minter);
  const { signal } = options;
  const before = await parameters.read({ signal }).catch(() => undefined);
  // A failure is what the steps find again.
  const refreshed = await options.refreshIfDue(minter).catch(() => undefined);
  const storing = await diagnoseParameters(run, options, { parameters, before, refreshed });
  const minting = await diagnoseMinting(run, {
    ...options,
    config,
    parameters,
    minter,
    reading: storing.reading,
  });
  const schedule = describeSchedule(before, before?.awsTime ?? options.now(), policyOf(config));
  return report([step, ...minting, ...storing.steps, schedule]);
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

type MintingOptions = DiagnoseOptions & UseTokensOptions;

async function diagnoseMinting(run: RunStep, options: MintingOptions): Promise<DiagnosisStep[]> {
  const { config, minter, now, signal } = options;
  const secret = await run('secret', async () => {
    const { createdAt } = await minter.checkSecret({ signal });
    return { value: true, finding: describeAge(createdAt, now()) };
  });
  if (secret.value === undefined) {
    return [secret.step, ...skipped('secret', 'token-endpoint', 'scope', 'probe')];
  }
  const mint = await run('token-endpoint', async () => {
    const minted = await minter.mint({ signal });
    return { value: minted, finding: describeToken(minted, config) };
  });
  const token = mint.value;
  if (token === undefined) return [secret.step, mint.step, ...skipped('token-endpoint', 'scope', 'probe')];
  const scope = await run('scope', async () => ({
    value: true,
    finding: compareScope(minter.scope, token),
  }));
  const probe = await run('probe', async () => ({ value: true, finding: await useTokens(options, token) }));
  return [secret.step, mint.step, scope.step, probe.step];
}

interface Found {
  readonly parameters: Parameters;
  /** Undefined if the parameters could not be read. */
  readonly before: Reading | undefined;
  /** Undefined if the refresh failed. */
  readonly refreshed: Pick<RefreshResult, 'outcome' | 'reason'> | undefined;
}

async function diagnoseParameters(
  run: RunStep,
  { now, clock, signal }: DiagnoseOptions,
  { parameters, before, refreshed }: Found,
): Promise<{ readonly steps: DiagnosisStep[]; readonly reading: Reading | undefined }> {
  const { step, value: reading } = await run('parameters', async () => {
    const value = await parameters.read({ signal });
    const isReplaced = refreshed?.outcome === 'refreshed';
    const finding = describeReading(value, value.awsTime ?? now());
    return { value, finding: isReplaced ? describeReplacement(finding, before, refreshed.reason) : finding };
  });
  if (reading === undefined) return { steps: [step, ...skipped('parameters', 'clock')], reading };
  const compared = await run('clock', async () => {
    const differenceMs = clock.compare(reading.awsTime);
    return { value: true, finding: describeClock(reading.awsTime, differenceMs) };
  });
  return { steps: [step, compared.step], reading };
}

function report(steps: readonly DiagnosisStep[]): Diagnosis {
  return { problem: problemOf(steps), healthy: steps.every(({ ok }) => ok), steps };
}
