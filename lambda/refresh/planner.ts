import { BEAT_MS, dueAgeMs, MINT_TIME_LIMIT_MS, type RefreshTimes, refreshAfterMs } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import type { Request } from '../event.ts';
import type { LastFailure, Status, TokenDescription } from './status.ts';

/** What the planner decides by, besides status and time. */
export type Policy = RefreshTimes;

/** What Parameter Store holds. */
export interface Stored {
  /** The version of the token parameter; null where there is none. */
  readonly tokenVersion: number | null;
  /** Null where there is none or where it cannot be read. */
  readonly status: Status | null;
  /**
   * Whether the status was written before the token: then it describes another one, even where the version is the
   * same, because a parameter that was deleted begins with version 1 again. @default false
   */
  readonly statusPrecedesToken?: boolean;
}

/** Why a token is minted. */
export type MintReason =
  | 'forced'
  | 'secret-changed'
  | 'no-token'
  | 'status-unreadable'
  | 'version-mismatch'
  | 'clock-future'
  | 'age'
  | 'keep-alive-refused'
  | 'min-remaining';

/** Why no token is minted. */
export type KeepReason = 'not-due' | 'backoff';

export type Plan =
  | { readonly action: 'mint'; readonly reason: MintReason }
  | { readonly action: 'keep'; readonly reason: KeepReason };

/** A status that claims to be from further ahead than this was not written by a right clock. */
const FUTURE_TOLERANCE_MS = 30_000;

/** The longest time that a failure keeps anyone from trying: whatever says more is not believed. */
const MAX_WAIT_MS = 60 * 60_000;

/** The longest wait after a permanent error: the most that a mended server or client can go unnoticed. */
const MAX_BACKOFF_MS = 5 * BEAT_MS;

/** Failures that another try does not mend: somebody has to change something. */
const PERMANENT: ReadonlySet<FailureCode> = new Set([
  'CONFIG_INVALID',
  'SECRET_MALFORMED',
  'TOKEN_REJECTED',
  'TOKEN_RESPONSE_INVALID',
  'TOKEN_UNUSABLE',
  'TOKEN_TOO_LARGE',
]);

/**
 * Decides whether to mint now. Pure.
 *
 * `keepAliveRefused`: the provider has just refused the stored token. `futileMintAt`: when a mint last brought
 * nothing better; for a beat's time nobody's wish for more life is then worth another.
 */
export function plan(options: {
  readonly request: Request;
  readonly stored: Stored;
  readonly now: Date;
  readonly policy: Policy;
  readonly keepAliveRefused?: boolean;
  readonly futileMintAt?: Date | null;
}): Plan {
  const { request, stored, now, policy, keepAliveRefused = false, futileMintAt = null } = options;
  if (request.kind === 'force') return { action: 'mint', reason: 'forced' };
  if (request.kind === 'secret-changed') return { action: 'mint', reason: 'secret-changed' };
  const reason = keepAliveRefused ? 'keep-alive-refused' : dueReason(stored, now, policy, request);
  const isFutile = futileMintAt !== null && Math.abs(now.getTime() - futileMintAt.getTime()) < BEAT_MS;
  if (reason === undefined || (reason === 'min-remaining' && isFutile))
    return { action: 'keep', reason: 'not-due' };
  if (isBackingOff(stored.status?.lastFailure ?? null, now)) return { action: 'keep', reason: 'backoff' };
  return { action: 'mint', reason };
}

function dueReason(stored: Stored, now: Date, policy: Policy, request: Request): MintReason | undefined {
  if (stored.tokenVersion === null) return 'no-token';
  if (stored.status === null) return 'status-unreadable';
  const token = describedToken(stored);
  if (token === null) return 'version-mismatch';
  if (isFromFuture(token, now)) return 'clock-future';
  if (now >= dueAt(token, policy)) return 'age';
  if (request.kind === 'min-remaining' && wantsMore(token, now, request.minRemainingMs))
    return 'min-remaining';
  return undefined;
}

/** Whether a status was written by a clock that was ahead: then it promises readers more life than there is. */
export function isFromFuture({ issuedAt }: { readonly issuedAt: Date }, now: Date): boolean {
  return issuedAt.getTime() > now.getTime() + FUTURE_TOLERANCE_MS;
}

/** The description of the token that is really stored; null where the status describes another one, or none. */
export function describedToken(stored: Stored): TokenDescription | null {
  const token = stored.status?.token ?? null;
  const isDescribed = token?.version === stored.tokenVersion && stored.statusPrecedesToken !== true;
  return isDescribed ? token : null;
}

/**
 * When the token is due: early enough before R that the outage tolerance holds from the very moment at which the
 * first try can fail. The status may put it off past the interval (see {@link refreshDueAfterFutileMint}), but a
 * changed interval counts at once in the other direction.
 */
function dueAt(token: TokenDescription, policy: Policy): Date {
  const byAge = refreshDueAt(token, policy);
  if (token.refreshDueAt > byAge) return token.refreshDueAt;
  const issuedMs = token.issuedAt.getTime();
  return new Date(issuedMs + dueAgeMs(byAge.getTime() - issuedMs));
}

/** When a token is to be replaced: R after it was issued. */
export function refreshDueAt(
  token: { readonly issuedAt: Date; readonly expiresAt: Date },
  policy: Policy,
): Date {
  const lifetimeMs = token.expiresAt.getTime() - token.issuedAt.getTime();
  return new Date(token.issuedAt.getTime() + refreshAfterMs(lifetimeMs, policy));
}

/**
 * Whether a mint would give a job the life that it asks for, or, where no token can, clearly more than there is:
 * a wish beyond the lifetime counts as "nearly fresh", so that it does not mint at every request.
 */
function wantsMore(token: TokenDescription, now: Date, minRemainingMs: number): boolean {
  const lifetimeMs = token.expiresAt.getTime() - token.issuedAt.getTime();
  const canBeMet = minRemainingMs <= lifetimeMs - MINT_TIME_LIMIT_MS;
  const wantedMs = canBeMet ? minRemainingMs : lifetimeMs - Math.max(BEAT_MS, lifetimeMs / 12);
  return token.expiresAt.getTime() - now.getTime() < wantedMs;
}

function isBackingOff(lastFailure: LastFailure | null, now: Date): boolean {
  if (lastFailure === null) return false;
  const waitMs = lastFailure.retryAt.getTime() - now.getTime();
  return waitMs > 0 && waitMs <= MAX_WAIT_MS;
}

/**
 * When to try again after a failed mint: on the next beat; for permanent errors after 1, 2, 4, then every
 * 5 minutes; never before the time that the server named, up to an hour. Half a beat early, so that a beat that
 * comes a little before its minute still tries.
 */
export function retryAt(options: {
  readonly code: FailureCode;
  readonly consecutive: number;
  readonly at: Date;
  readonly retryAfterMs?: number | undefined;
}): Date {
  const backoffMs = PERMANENT.has(options.code)
    ? Math.min(MAX_BACKOFF_MS, BEAT_MS * 2 ** Math.min(10, options.consecutive - 1))
    : BEAT_MS;
  const waitMs = Math.max(backoffMs - BEAT_MS / 2, Math.min(options.retryAfterMs ?? 0, MAX_WAIT_MS));
  return new Date(options.at.getTime() + waitMs);
}

/**
 * When to mint again after the server gave a token that expires no later than the stored one. A server that
 * returns its cached token (`sameToken`) is asked on each beat: a fresh one comes without notice. A server whose
 * tokens now live shorter than the stored one still does is left alone until a mint would bring more.
 */
export function refreshDueAfterFutileMint(options: {
  readonly stored: TokenDescription;
  readonly mintedLifetimeMs: number;
  readonly sameToken: boolean;
  readonly now: Date;
}): Date {
  const { stored, mintedLifetimeMs, sameToken, now } = options;
  if (sameToken) return stored.refreshDueAt;
  const worthwhile = Math.max(now.getTime(), stored.expiresAt.getTime() - mintedLifetimeMs) + BEAT_MS;
  return new Date(Math.min(worthwhile, stored.expiresAt.getTime()));
}
