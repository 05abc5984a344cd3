import { BEAT_MS } from '../contract.ts';
import { type FailureCode, isRefreshError, RefreshError, withCode } from '../errors.ts';
import type { Invocation, Memory } from './invocation.ts';
import { keepAlive } from './keep-alive.ts';
import {
  describedToken,
  isBackingOff,
  isStageOverdue,
  type KeepReason,
  type MintReason,
  type Plan,
  plan,
  retryAt,
  type Stored,
} from './planner.ts';
import { type LastFailure, serializeStatus, type TokenDescription } from './status.ts';
import { mintAndStore, type StoreOutcome } from './store.ts';

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

/**
 * Reads what is stored, and mints and stores a token if one is due or requested. A failed mint leaves the stored token
 * untouched, is stored in the status, and throws.
 *
 * @throws RefreshError with any code but `EVENT_INVALID`
 */
export async function refresh(invocation: Invocation): Promise<RefreshResult> {
  const { request, parameters, clock, memory, observations, policy, signal } = invocation;
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
    refused = await keepAlive(invocation, token);
    if (refused) decision = plan({ ...situation, now: clock.now(), keepAliveRefused: true });
  }
  if (decision.action === 'keep') {
    const failure = isBackingOff({ stored, lastFailure, now: clock.now() }) ? lastFailure?.code : undefined;
    return result(invocation, { outcome: 'still-fresh', reason: decision.reason }, token, refused, failure);
  }

  const fail = async (caught: unknown, nowStored?: TokenDescription): Promise<never> => {
    // Without a code it would have no backoff, and would not appear in the status.
    const error = withCode(caught, 'TOKEN_ENDPOINT_UNAVAILABLE');
    await recordFailure(invocation, error, lastFailure, nowStored);
    if (!refused && token !== null && !signal.aborted) await keepAlive(invocation, token);
    throw error;
  };
  const minted = await mintAndStore(invocation, stored, refused).catch((error) => fail(error));
  const { outcome, token: now, status } = minted;
  if (status !== null) {
    await parameters.writeStatus({ status, signal }).catch((error) => fail(error, now));
    memory.written = status.token;
  }
  await tagParameters(invocation);
  if (isStageOverdue(now, clock.now())) {
    const error = stageRefused(now);
    if (request.kind === 'beat') return await fail(error);
    await recordFailure(invocation, error, lastFailure);
  } else memory.lastFailure = null;
  const { reason } = decision;
  return outcome === 'stored'
    ? result(invocation, { outcome: 'refreshed', reason }, now)
    : result(invocation, { outcome: 'still-fresh', reason: outcome }, now);
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

/** Tags are for people: a token without them is as good. The next mint tries again. */
async function tagParameters({ parameters, observations, signal }: Invocation): Promise<void> {
  try {
    await parameters.tag({ signal });
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

function result(
  invocation: Invocation,
  found: Pick<RefreshResult, 'outcome' | 'reason'>,
  token: TokenDescription | null,
  refused = false,
  failure?: FailureCode,
): RefreshResult {
  const remaining = refused ? 0 : remainingMs(token, invocation.clock.now());
  const wanted = invocation.request.kind === 'min-remaining' ? invocation.request.minRemainingMs : 0;
  return {
    ...found,
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

/** @param nowStored the new token, if one was stored and only its status could not be written */
async function recordFailure(
  { clock, memory, observations, parameters, provider, recordingSignal }: Invocation,
  { code, retryAfterMs }: RefreshError,
  previous: LastFailure | null,
  nowStored?: TokenDescription,
): Promise<void> {
  const at = clock.now();
  const consecutive = (previous?.consecutive ?? 0) + 1;
  const failed = { code, at, consecutive };
  const failure: LastFailure = { ...failed, retryAt: retryAt({ ...failed, retryAfterMs }) };
  memory.lastFailure = failure;
  if (!changesInSubstance(previous, failure) && nowStored === undefined) return;
  try {
    // What was read before the mint may be outdated: an old description must not replace the stored token's.
    const signal = recordingSignal();
    const stored = await parameters.read({ signal });
    if (nowStored !== undefined && nowStored.version === stored.tokenVersion) {
      const status = { token: nowStored, provider, lastFailure: null };
      return await parameters.writeStatus({ status, signal });
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
