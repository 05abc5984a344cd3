import { BEAT_MS } from '../contract.ts';
import { type FailureCode, isRefreshError } from '../errors.ts';
import type { Request } from '../event.ts';
import type { Minter } from '../mint/minter.ts';
import type { Clock } from './clock.ts';
import { type KeepAlive, keepAlive } from './keep-alive.ts';
import type { Parameters } from './parameters.ts';
import {
  describedToken,
  type KeepReason,
  type MintReason,
  type Plan,
  type Policy,
  plan,
  retryAt,
  type Stored,
} from './planner.ts';
import type { LastFailure, TokenDescription } from './status.ts';
import { type StoreOutcome, storeMinted } from './store.ts';

/** What a refresh answers. Times are ISO 8601, UTC. Never a token, never a secret. */
export interface RefreshResult {
  readonly outcome: 'refreshed' | 'still-fresh';
  readonly reason: MintReason | KeepReason | Exclude<StoreOutcome, 'stored'>;
  /** Whether the stored token is live and has the remaining life that was asked for. */
  readonly satisfied: boolean;
  readonly tokenVersion: number | null;
  readonly fingerprint: string | null;
  readonly issuedAt: string | null;
  readonly expiresAt: string | null;
  readonly remainingSeconds: number;
  /** Why minting fails at present, where a backoff runs. */
  readonly failure?: FailureCode;
}

/** What one instance remembers between invocations. Losing it costs a call more, never a token. */
export interface Memory {
  lastFailure: LastFailure | null;
  /** When a mint last brought nothing better than what is stored. */
  futileMintAt: Date | null;
  keepAlive: KeepAlive;
}

export function createMemory(): Memory {
  return { lastFailure: null, futileMintAt: null, keepAlive: { fingerprint: null, usedAt: null } };
}

/** What an invocation saw, for its log line. */
export interface Observations {
  /** Remaining life of the stored token as a reader would have seen it before anything was done; 0 where none, null where unknown. */
  remainingMs: number | null;
  readonly warnings: string[];
}

export interface RefreshOptions {
  readonly request: Exclude<Request, { kind: 'diagnose' }>;
  readonly parameters: Parameters;
  /** Loads what an idle beat does not need. */
  readonly loadMinter: () => Promise<Minter>;
  /** Whether the provider has a probe: known without loading the minter. */
  readonly hasProbe: boolean;
  readonly clock: Clock;
  readonly policy: Policy;
  readonly provider: string;
  readonly memory: Memory;
  readonly observations: Observations;
  /** Ends the work in time. */
  readonly signal: AbortSignal;
  /** Makes the signal for writing down a failure, once `signal` may have fired. */
  readonly recordingSignal: () => AbortSignal;
}

/**
 * Reads what is stored, and mints and stores a token if one is due or asked for. A mint that fails leaves the
 * stored token untouched, is written down in the status, and throws.
 *
 * @throws RefreshError with any code but `EVENT_INVALID`
 */
export async function refresh(options: RefreshOptions): Promise<RefreshResult> {
  const { request, parameters, clock, memory, observations, signal } = options;
  const reading = await parameters.read({ signal });
  clock.compare(reading.awsTime);
  const stored = withRememberedFailure(reading, memory);
  const token = describedToken(stored);
  // A token that the status does not describe may well live: unknown is missing data, not a dead token.
  const isUnknown = token === null && stored.tokenVersion !== null;
  observations.remainingMs = isUnknown ? null : remainingMs(token, clock.now());

  const planOptions = { request, stored, policy: options.policy, futileMintAt: memory.futileMintAt };
  let decision: Plan = plan({ ...planOptions, now: clock.now() });
  let refused = false;
  if (decision.action === 'keep' && token !== null) {
    refused = (await keepAlive({ ...options, token })) === 'refused';
    if (refused) decision = plan({ ...planOptions, now: clock.now(), keepAliveRefused: true });
  }
  if (decision.action === 'keep') {
    const failure = decision.reason === 'backoff' ? stored.status?.lastFailure?.code : undefined;
    return result({ options, outcome: 'still-fresh', reason: decision.reason, token, refused, failure });
  }

  try {
    const minter = await options.loadMinter();
    const { outcome, token: now } = await storeMinted({
      ...options,
      minter,
      stored,
      storedIsRefused: refused,
    });
    memory.lastFailure = null;
    return outcome === 'stored'
      ? result({ options, outcome: 'refreshed', reason: decision.reason, token: now })
      : result({ options, outcome: 'still-fresh', reason: outcome, token: now });
  } catch (error) {
    if (isRefreshError(error)) {
      await recordFailure(options, stored, error);
      if (!refused && token !== null && !signal.aborted) await keepAlive({ ...options, token });
    }
    throw error;
  }
}

function remainingMs(token: TokenDescription | null, now: Date): number {
  return token === null ? 0 : Math.max(0, token.expiresAt.getTime() - now.getTime());
}

function result(found: {
  options: RefreshOptions;
  outcome: RefreshResult['outcome'];
  reason: RefreshResult['reason'];
  token: TokenDescription | null;
  refused?: boolean;
  failure?: FailureCode | undefined;
}): RefreshResult {
  const { options, outcome, reason, token, refused = false, failure } = found;
  const remaining = refused ? 0 : remainingMs(token, options.clock.now());
  const wanted = options.request.kind === 'min-remaining' ? options.request.minRemainingMs : 0;
  return {
    outcome,
    reason,
    satisfied: remaining > 0 && remaining >= wanted,
    tokenVersion: token?.version ?? null,
    fingerprint: token?.fingerprint ?? null,
    issuedAt: token?.issuedAt.toISOString() ?? null,
    expiresAt: token?.expiresAt.toISOString() ?? null,
    remainingSeconds: Math.floor(remaining / 1000),
    ...(failure === undefined ? {} : { failure }),
  };
}

/**
 * Most failures of an outage are not written down (the status changes only in substance), so this instance's
 * memory may know a later one. A token issued after it proves it over.
 */
function withRememberedFailure(stored: Stored, memory: Memory): Stored {
  const { status } = stored;
  const remembered = memory.lastFailure;
  if (status === null || remembered === null) return stored;
  const written = status.lastFailure;
  if (written === null && status.token !== null && status.token.issuedAt > remembered.at) return stored;
  if (written !== null && written.at >= remembered.at) return stored;
  return { ...stored, status: { ...status, lastFailure: remembered } };
}

async function recordFailure(
  { clock, memory, observations, parameters, provider, recordingSignal }: RefreshOptions,
  stored: Stored,
  error: { code: FailureCode; retryAfterMs: number | undefined },
): Promise<void> {
  const previous = stored.status?.lastFailure ?? memory.lastFailure;
  const at = clock.now();
  const consecutive = (previous?.consecutive ?? 0) + 1;
  const failure: LastFailure = {
    code: error.code,
    at,
    consecutive,
    retryAt: retryAt({ code: error.code, consecutive, at, retryAfterMs: error.retryAfterMs }),
  };
  memory.lastFailure = failure;
  if (!changesInSubstance(previous, failure)) return;
  try {
    // Written down again, a status of a token that is gone would be younger than the one that is there.
    const token = stored.statusPrecedesToken === true ? null : (stored.status?.token ?? null);
    const status = { token, provider, lastFailure: failure };
    await parameters.writeStatus({ status, signal: recordingSignal() });
  } catch (recordingError) {
    const code = isRefreshError(recordingError) ? recordingError.code : 'PARAMETER_NOT_WRITTEN';
    observations.warnings.push(`The failure could not be written to the status (${code}).`);
  }
}

/** A new kind of failure, a wait that other instances must know of, or a count that doubled. */
function changesInSubstance(previous: LastFailure | null, failure: LastFailure): boolean {
  const waits = failure.retryAt.getTime() - failure.at.getTime() > BEAT_MS;
  return previous?.code !== failure.code || waits || Number.isInteger(Math.log2(failure.consecutive));
}
