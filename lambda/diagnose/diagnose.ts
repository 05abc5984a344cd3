import type { Config } from '../config.ts';
import type { Minter } from '../mint/minter.ts';
import type { Clock } from '../refresh/clock.ts';
import type { Parameters, Reading } from '../refresh/parameters.ts';
import { compareScope, describeAge, describeClock, describeReading, describeToken } from './findings.ts';
import { createRunStep, type DiagnosisStep, type RunStep, skipped } from './step.ts';
import { type UseTokensOptions, useTokens } from './use-tokens.ts';

/** The result of `{"diagnose": true}`. */
export interface Diagnosis {
  /** Whether every step is ok. Warnings do not count. */
  readonly healthy: boolean;
  readonly steps: readonly DiagnosisStep[];
}

interface DiagnoseOptions {
  /** Reads the configuration and opens the parameters. @throws RefreshError `CONFIG_INVALID` */
  readonly open: () => { readonly config: Config; readonly parameters: Parameters };
  /** Rejects with a RefreshError `CONFIG_INVALID`. */
  readonly loadMinter: (config: Config) => Promise<Minter>;
  /** The function's own clock, uncorrected. */
  readonly now: () => Date;
  /** The clock that the minter reads: compared with AWS's before anything is minted, as in a refresh. */
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Runs every step of a refresh without storing anything, with one exception: if the provider refuses the stored token
 * after the mint, the new token is stored, because a diagnosis must not leave jobs without a token. Never throws: a
 * failed step is part of the result.
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
      ...skipped('config', 'secret', 'token-endpoint', 'scope', 'probe', 'parameters', 'clock'),
    ]);
  }
  const storing = await diagnoseParameters(run, options, value.parameters);
  const minting = await diagnoseMinting(run, { ...options, ...value, reading: storing.reading });
  return report([step, ...minting, ...storing.steps]);
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

async function diagnoseParameters(
  run: RunStep,
  { now, clock, signal }: DiagnoseOptions,
  parameters: Parameters,
): Promise<{ readonly steps: DiagnosisStep[]; readonly reading: Reading | undefined }> {
  const { step, value: reading } = await run('parameters', async () => {
    const value = await parameters.read({ signal });
    return { value, finding: describeReading(value, value.awsTime ?? now()) };
  });
  if (reading === undefined) return { steps: [step, ...skipped('parameters', 'clock')], reading };
  const compared = await run('clock', async () => {
    const differenceMs = clock.compare(reading.awsTime);
    return { value: true, finding: describeClock(reading.awsTime, differenceMs) };
  });
  return { steps: [step, compared.step], reading };
}

function report(steps: readonly DiagnosisStep[]): Diagnosis {
  return { healthy: steps.every(({ ok }) => ok), steps };
}
