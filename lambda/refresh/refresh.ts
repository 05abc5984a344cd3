import { BEAT_MS } from '../contract.ts';
import { type FailureCode, isRefreshError, RefreshError, withCode } from '../errors.ts';
import type { Request } from '../event.ts';
import type { Minter } from '../mint/minter.ts';
import type { Clock } from './clock.ts';
import { type HeldToken, type KeepAlive, keepAlive } from './keep-alive.ts';
import type { Parameters } from './parameters.ts';
import {
  describedToken,
  isBackingOff,
  isStageOverdue,
  type KeepReason,
  type MintReason,
  type Plan,
  type Policy,
  plan,
  retryAt,
  type Stored,
} from './planner.ts';
import { type LastFailure, serializeStatus, type TokenDescription } from './status.ts';
import { type StoreOutcome, storeMinted } from './store.ts';

/** The result of a refresh. Times are ISO 8601, UTC. Contains no token and no secret. */
export interface RefreshResult {
  readonly outcome: 'refreshed' | 'still-fresh';
  readonly reason: MintReason | KeepReason | Exclude<StoreOutcome, 'stored'>;
  /** Whether the stored token is live and has the requested remaining life. */
  readonly satisfied: boolean;
  readonly tokenVersion: number | null;
  readonly fingerprint: string | null;
  readonly issuedAt: string | null;
  readonly expiresAt: string | null;
  readonly remainingSeconds: number;
  /** Why minting fails, while a backoff runs, also if no mint is due. */
  readonly failure?: FailureCode;
}

/** What one instance remembers between invocations. If it is lost, one more call is made; no token is lost. */
export interface Memory {
  lastFailure: LastFailure | null;
  /** When a mint last returned the stored token again. */
  sameTokenAt: Date | null;
  keepAlive: KeepAlive;
  /** The token itself, so that a keep-alive need not decrypt it. */
  heldToken: HeldToken | null;
  /** What this instance last wrote about a token: a status that says something else of it is a lie. */
  written: TokenDescription | null;
}

export function createMemory(): Memory {
  const keepAlive = { fingerprint: null, usedAt: null };
  return { lastFailure: null, sameTokenAt: null, keepAlive, heldToken: null, written: null };
}

/** Facts that an invocation found, for its log line. */
export interface Observations {
  /** Remaining life of the stored token at the start of the invocation, as a reader sees it; 0 if none is stored, null if unknown. */
  remainingMs: number | null;
  readonly warnings: string[];
  /** Why the token, which was due, could not be replaced in an invocation that requested nothing of the kind. @default null */
  failure?: FailureCode | null;
}

export interface RefreshOptions {
  readonly request: Exclude<Request, { kind: 'diagnose' }>;
  readonly parameters: Parameters;
  /** Loads what an idle beat does not need. */
  readonly loadMinter: () => Promise<Minter>;
  /** Whether the provider has a probe. Known without loading the minter. */
  readonly hasProbe: boolean;
  readonly clock: Clock;
  readonly policy: Policy;
  readonly provider: string;
  readonly memory: Memory;
  readonly observations: Observations;
  /** Aborts the work before Lambda's time limit. */
  readonly signal: AbortSignal;
  /** Makes the signal for storing a failure, after `signal` may have fired. */
  readonly recordingSignal: () => AbortSignal;
}

/**
 * Reads what is stored, and mints and stores a token if one is due or requested. A failed mint leaves the stored token
 * untouched, is stored in the status, and throws.
 *
 * @throws RefreshError with any code but `EVENT_INVALID`
 */
export async function refresh(options: RefreshOptions): Promise<RefreshResult> {
  const { request, parameters, clock, memory, observations, policy, signal } = options;
  const reading = await parameters.read({ signal });
  clock.compare(reading.awsTime);
  const stored = isDistorted(reading, memory) ? { ...reading, statusContradictsToken: true } : reading;
  const token = describedToken(stored);
  // A token that the status does not describe may be live: its remaining life is unknown, not 0.
  const isUnknown = token === null && stored.tokenVersion !== null;
  observations.remainingMs = isUnknown ? null : remainingMs(token, clock.now());

  const lastFailure = latestFailure(stored, memory);
  const situation = { request, stored, policy, lastFailure, sameTokenAt: memory.sameTokenAt };
  let decision: Plan = plan({ ...situation, now: clock.now() });
  let refused = false;
  if (decision.action === 'keep' && token !== null) {
    refused = (await keepAlive({ ...options, token })) === 'refused';
    if (refused) decision = plan({ ...situation, now: clock.now(), keepAliveRefused: true });
  }
  if (decision.action === 'keep') {
    const failure = isBackingOff({ stored, lastFailure, now: clock.now() }) ? lastFailure?.code : undefined;
    return result({ options, outcome: 'still-fresh', reason: decision.reason, token, refused, failure });
  }

  const fail = async (caught: unknown, nowStored?: TokenDescription): Promise<never> => {
    // Without a code it would have no backoff, and would not appear in the status.
    const error = withCode(caught, 'TOKEN_ENDPOINT_UNAVAILABLE');
    await recordFailure(options, { error, previous: lastFailure, nowStored });
    if (!refused && token !== null && !signal.aborted) await keepAlive({ ...options, token });
    throw error;
  };
  const {
    outcome,
    token: now,
    status,
  } = await mintAndStore(options, stored, refused).catch((error) => fail(error));
  if (status !== null) {
    await parameters.writeStatus({ status, signal }).catch((error) => fail(error, now));
    memory.written = status.token;
  }
  await tagParameters(options);
  if (isStageOverdue(now, clock.now())) {
    const error = stageRefused(now);
    if (request.kind === 'beat') return await fail(error);
    await recordFailure(options, { error, previous: lastFailure });
  } else memory.lastFailure = null;
  return outcome === 'stored'
    ? result({ options, outcome: 'refreshed', reason: decision.reason, token: now })
    : result({ options, outcome: 'still-fresh', reason: outcome, token: now });
}

/** Whether somebody else changed what the status says of the token that this instance described. */
function isDistorted(stored: Stored, { written }: Memory): boolean {
  const token = describedToken(stored);
  if (written === null || token?.version !== written.version) return false;
  const [said, wrote] = [token, written].map((one) =>
    serializeStatus({ token: one, provider: one.provider, lastFailure: null }),
  );
  return said !== wrote;
}

async function mintAndStore(options: RefreshOptions, stored: Stored, storedIsRefused: boolean) {
  const minter = await options.loadMinter();
  return await storeMinted({ ...options, minter, stored, storedIsRefused });
}

/** Tags are for people: a token without them is as good. The next mint tries again. */
async function tagParameters({ parameters, observations, signal }: RefreshOptions): Promise<void> {
  try {
    await parameters.tag?.({ signal });
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    observations.warnings.push(`The parameters could not be tagged: ${message}`);
  }
}

/** The token is stored, but a person must correct the secret. Only an error raises the alarm "failing". */
function stageRefused({ secretStage, fallbackSince }: TokenDescription): RefreshError {
  return new RefreshError(
    'TOKEN_REJECTED',
    `The server has refused the secret's AWSCURRENT version since ${fallbackSince?.toISOString()}; a token was minted with ${secretStage} and is stored. Store credentials that the server accepts (aws secretsmanager put-secret-value), or finish the rotation, before ${secretStage} is replaced.`,
  );
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
 * The latest failure. Most failures of an outage are not stored (the status is written only for important changes), or
 * cannot be stored, so that this instance's memory may know a later one. A token that was issued later ends the failure.
 */
function latestFailure({ status }: Stored, { lastFailure: remembered }: Memory): LastFailure | null {
  const written = status?.lastFailure ?? null;
  if (remembered === null) return written;
  if (written !== null) return written.at >= remembered.at ? written : remembered;
  const issuedAt = status?.token?.issuedAt;
  return issuedAt !== undefined && issuedAt > remembered.at ? null : remembered;
}

async function recordFailure(
  { clock, memory, observations, parameters, provider, recordingSignal }: RefreshOptions,
  failed: {
    readonly error: { readonly code: FailureCode; readonly retryAfterMs: number | undefined };
    readonly previous: LastFailure | null;
    /** The new token, if one was stored and only its status could not be written. */
    readonly nowStored?: TokenDescription | undefined;
  },
): Promise<void> {
  const { error, previous, nowStored } = failed;
  const at = clock.now();
  const consecutive = (previous?.consecutive ?? 0) + 1;
  const failure: LastFailure = {
    code: error.code,
    at,
    consecutive,
    retryAt: retryAt({ code: error.code, consecutive, at, retryAfterMs: error.retryAfterMs }),
  };
  memory.lastFailure = failure;
  if (!changesInSubstance(previous, failure) && nowStored === undefined) return;
  try {
    // What was read before the mint may be outdated: an old description must not replace the stored token's.
    const signal = recordingSignal();
    const stored = await parameters.read({ signal });
    if (nowStored !== undefined && nowStored.version === stored.tokenVersion) {
      return await parameters.writeStatus({
        status: { token: nowStored, provider, lastFailure: null },
        signal,
      });
    }
    const token = describedToken(stored);
    const isOver = token !== null && token.issuedAt > at;
    if (!isOver) await parameters.writeStatus({ status: { token, provider, lastFailure: failure }, signal });
  } catch (recordingError) {
    const code = isRefreshError(recordingError) ? recordingError.code : 'PARAMETER_NOT_WRITTEN';
    observations.warnings.push(`The failure could not be written to the status (${code}).`);
  }
}

/** A new error code, a wait that other instances must know, or a count that doubled. */
function changesInSubstance(previous: LastFailure | null, failure: LastFailure): boolean {
  const waits = failure.retryAt.getTime() - failure.at.getTime() > BEAT_MS;
  return previous?.code !== failure.code || waits || Number.isInteger(Math.log2(failure.consecutive));
}
