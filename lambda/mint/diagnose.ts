import { type Config, policyOf } from '../config.ts';
import { greatestLongestJobMs, guarantee, type RefreshTimes } from '../contract.ts';
import { type FailureCode, isRefreshError, RefreshError } from '../errors.ts';
import type { Clock } from '../refresh/clock.ts';
import { CLOCK_TOLERANCE_MS } from '../refresh/clock.ts';
import type { Parameters, Reading } from '../refresh/parameters.ts';
import { describedToken } from '../refresh/planner.ts';
import { publishToken } from '../refresh/store.ts';
import type { MintedToken, Minter, ProbeResult } from './minter.ts';

export type DiagnosisStepName =
  | 'config'
  | 'secret'
  | 'token-endpoint'
  | 'scope'
  | 'probe'
  | 'parameters'
  | 'clock';

/** The result of one step. Contains no token and no secret. */
export interface DiagnosisStep {
  readonly step: DiagnosisStepName;
  readonly ok: boolean;
  /** The step was skipped, because a step that it needs failed. */
  readonly skipped?: true;
  readonly code?: FailureCode;
  /** What was found. */
  readonly message?: string;
  /** What to do next. */
  readonly remedy?: string;
  /** What works now, but should be checked. */
  readonly warning?: string;
  readonly durationMs?: number;
}

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

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const SECRET_AGE_LIMIT_DAYS = 90;

/**
 * Runs every step of a refresh without storing anything, with one exception: if the provider refuses the stored token
 * after the mint, the new token is stored, because a diagnosis must not leave jobs without a token. Never throws: a
 * failed step is part of the result.
 */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const { now } = options;
  const run = createRunner(now);

  const config = await run('config', async () => {
    const { config, parameters } = options.open();
    return { value: { config, parameters, minter: await options.loadMinter(config) } };
  });
  if (config.value === undefined) {
    return report([
      config.step,
      ...(['secret', 'token-endpoint', 'scope', 'probe', 'parameters', 'clock'] as const).map((name) =>
        skipped(name, 'config'),
      ),
    ]);
  }

  const storing = await diagnoseParameters(run, options, config.value.parameters);
  const minting = await diagnoseMinting(run, { ...options, ...config.value, reading: storing.reading });
  return report([config.step, ...minting, ...storing.steps]);
}

interface MintingOptions extends Pick<DiagnoseOptions, 'now' | 'clock' | 'signal'> {
  readonly config: Config;
  readonly parameters: Parameters;
  readonly minter: Minter;
  /** Undefined if the parameters could not be read. */
  readonly reading: Reading | undefined;
}

async function diagnoseMinting(run: Run, options: MintingOptions): Promise<DiagnosisStep[]> {
  const { config, minter, now, signal } = options;
  const secret = await run('secret', async () => {
    const { createdAt } = await minter.checkSecret({ signal });
    return { value: true, ...describeAge(createdAt, now()) };
  });
  if (secret.value === undefined) {
    const rest = (['token-endpoint', 'scope', 'probe'] as const).map((name) => skipped(name, 'secret'));
    return [secret.step, ...rest];
  }
  const mint = await run('token-endpoint', async () => {
    const token = await minter.mint({ signal });
    return { value: token, ...describeToken(token, config) };
  });
  const token = mint.value;
  if (token === undefined) {
    return [secret.step, mint.step, skipped('scope', 'token-endpoint'), skipped('probe', 'token-endpoint')];
  }
  const scope = await run('scope', async () => ({ value: true, ...compareScope(minter.scope, token) }));
  const probe = await run('probe', async () => ({
    value: true,
    ...(await useTokens(options, token)),
  }));
  return [secret.step, mint.step, scope.step, probe.step];
}

async function diagnoseParameters(
  run: Run,
  { now, clock, signal }: DiagnoseOptions,
  parameters: Parameters,
): Promise<{ readonly steps: DiagnosisStep[]; readonly reading: Reading | undefined }> {
  const { step, value: reading } = await run('parameters', async () => {
    const value = await parameters.read({ signal });
    return { value, ...describeReading(value, value.awsTime ?? now()) };
  });
  if (reading === undefined) return { steps: [step, skipped('clock', 'parameters')], reading };
  const compared = await run('clock', async () => {
    const differenceMs = clock.compare(reading.awsTime);
    return { value: true, ...describeClock(reading.awsTime, differenceMs) };
  });
  return { steps: [step, compared.step], reading };
}

/** What a step found, besides its value. */
type Finding = Pick<DiagnosisStep, 'message' | 'warning'>;

type Run = <T>(
  step: DiagnosisStepName,
  call: () => Promise<{ readonly value: T } & Finding>,
) => Promise<{ readonly step: DiagnosisStep; readonly value?: T }>;

function createRunner(now: () => Date): Run {
  return async (step, call) => {
    const startedAt = now().getTime();
    const durationMs = () => Math.max(0, now().getTime() - startedAt);
    try {
      const { value, ...finding } = await call();
      return { step: { step, ok: true, ...finding, durationMs: durationMs() }, value };
    } catch (error) {
      return { step: { step, ok: false, ...describeError(error), durationMs: durationMs() } };
    }
  };
}

function skipped(step: DiagnosisStepName, needed: DiagnosisStepName): DiagnosisStep {
  return { step, ok: false, skipped: true, message: `Not tried: it needs ${needed}.` };
}

function report(steps: readonly DiagnosisStep[]): Diagnosis {
  return { healthy: steps.every(({ ok }) => ok), steps };
}

/** The first sentence of a RefreshError's message says what happened; the rest says what to do. */
function describeError(error: unknown): Pick<DiagnosisStep, 'code' | 'message' | 'remedy'> {
  if (!isRefreshError(error)) {
    const kind = error instanceof Error ? error.name : typeof error;
    return {
      message: `Unexpected ${kind}.`,
      remedy: 'This is a bug of the function: report it, with the function’s log.',
    };
  }
  const [, message = error.message, remedy] = /^(.*?\.) ([A-Z].*)$/s.exec(error.message) ?? [];
  return { code: error.code, message, ...(remedy === undefined ? {} : { remedy }) };
}

function describeAge(createdAt: Date | undefined, now: Date): Finding {
  if (createdAt === undefined) return {};
  const days = Math.max(0, Math.floor((now.getTime() - createdAt.getTime()) / DAY_MS));
  const message = `The secret was stored ${days} days ago.`;
  if (days <= SECRET_AGE_LIMIT_DAYS) return { message };
  return { message, warning: `The secret is older than ${SECRET_AGE_LIMIT_DAYS} days: replace it.` };
}

function describeToken({ issuedAt, expiresAt, warnings }: MintedToken, times: RefreshTimes): Finding {
  const lifetimeMs = expiresAt.getTime() - issuedAt.getTime();
  const message = `The token endpoint returned a token that lives ${Math.floor(lifetimeMs / 1000)} s.`;
  const found = [...warnings, ...unkeptJob(lifetimeMs, times)];
  return found.length === 0 ? { message } : { message, warning: found.join(' ') };
}

function unkeptJob(lifetimeMs: number, times: RefreshTimes): string[] {
  if (times.longestJobMs === undefined || guarantee(lifetimeMs, times).job !== null) return [];
  const longest = Number((times.longestJobMs / MINUTE_MS).toFixed(1));
  const greatest = Math.floor(greatestLongestJobMs(lifetimeMs) / MINUTE_MS);
  const remedy = greatest < 1 ? 'remove longestJob' : `lower longestJob to ${greatest} minutes`;
  return [
    `This is too short for jobs of ${longest} minutes (longestJob): they may outlive their token. Let the tokens live longer at the provider, or ${remedy}.`,
  ];
}

/** Names only scopes that were requested. @see RFC 6749 section 3.3 */
function compareScope(asked: string | undefined, { grantedScope }: MintedToken): Finding {
  if (asked === undefined) return { message: 'No scope was requested.' };
  if (grantedScope === undefined) {
    return { message: 'The server names no scope: it granted every requested scope (RFC 6749 section 5.1).' };
  }
  const granted = new Set(grantedScope.split(' '));
  const missing = asked.split(' ').filter((scope) => scope !== '' && !granted.has(scope));
  if (missing.length === 0) return { message: 'The server granted every requested scope.' };
  return {
    warning: `The server did not grant: ${missing.join(' ')}. Allow the client these scopes at the provider.`,
  };
}

/** Uses the new token once, and then the stored one: some servers keep only one live token per client. */
async function useTokens(options: MintingOptions, token: MintedToken): Promise<Finding> {
  const { minter, signal } = options;
  if (minter.probe === undefined) {
    return {
      message:
        'There is no probe, so the new token was not tried. It is not known whether this mint ended the stored token. Set probeUrl to try tokens.',
    };
  }
  const result = await minter.probe(token.accessToken, { signal });
  if (result === 'refused') {
    throw new RefreshError(
      'TOKEN_UNUSABLE',
      "The provider refused the token that its token endpoint had just returned. Check the region or probeUrl, and the client's state and IP allow-list.",
    );
  }
  if (result === 'unanswered') {
    return {
      warning: 'The probe was not answered, so the token is not proved: check probeUrl and the API’s status.',
    };
  }
  const accepted = 'The provider accepted the token.';
  const storedIs = await useStoredToken(options);
  if (storedIs !== 'refused') {
    return { message: storedIs === 'accepted' ? `${accepted} The stored one is still accepted.` : accepted };
  }
  await publish(options, token);
  return {
    message: accepted,
    warning:
      'After this mint the provider refused the stored token. The new token was stored instead. Either the stored token had been revoked, or this mint ended it. If the next diagnosis shows this again, the server keeps only one live token per client: jobs lose their token at each mint, and longestJob is not guaranteed.',
  };
}

/** Undefined if it cannot be tried: no live token is stored, or it comes from another source and must not be sent. */
async function useStoredToken(options: MintingOptions): Promise<ProbeResult | undefined> {
  const { config, parameters, minter, reading, clock, signal } = options;
  const stored = reading === undefined ? null : describedToken(reading);
  const isOurs = stored !== null && stored.source === config.source && stored.expiresAt > clock.now();
  if (!isOurs || minter.probe === undefined) return undefined;
  const accessToken = await parameters.readToken({ version: stored.version, signal });
  return accessToken === null ? undefined : await minter.probe(accessToken, { signal });
}

async function publish({ config, parameters, reading, signal }: MintingOptions, minted: MintedToken) {
  await publishToken({
    stored: reading ?? { tokenVersion: null, status: null },
    parameters,
    policy: policyOf(config),
    provider: config.providerSettings.provider,
    signal,
    minted,
  });
}

function describeReading(reading: Reading, now: Date): Finding {
  if (reading.tokenVersion === null) {
    return { warning: 'No token is stored yet: the next invocation mints one, once the steps above are ok.' };
  }
  const token = describedToken(reading);
  if (token === null) {
    return {
      warning: 'The status does not describe the stored token: the next invocation writes both again.',
    };
  }
  const seconds = Math.floor((token.expiresAt.getTime() - now.getTime()) / 1000);
  const message = `Version ${token.version} is stored, ${seconds} s are left.`;
  const failure = reading.status?.lastFailure ?? null;
  if (seconds <= 0) return { message, warning: 'The stored token has expired.' };
  return failure === null ? { message } : { message, warning: `The last mint failed: ${failure.code}.` };
}

function describeClock(awsTime: Date | undefined, differenceMs: number): Finding {
  if (awsTime === undefined)
    return { warning: 'AWS’s response had no Date header, so that the clock was not checked.' };
  const seconds = Math.round(-differenceMs / 1000);
  // Not -0.
  const message = `The function's clock differs from AWS's by ${seconds + 0} s.`;
  if (Math.abs(differenceMs) <= CLOCK_TOLERANCE_MS) return { message };
  return { message, warning: "The function's clock is wrong. The function uses AWS's time instead." };
}
