import { BEAT_MS, dueAgeMs, MINT_TIME_LIMIT_MS, type RefreshTimes, refreshAfterMs } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import type { Request } from '../event.ts';
import { CLOCK_TOLERANCE_MS } from './clock.ts';
import type { LastFailure, Status, TokenDescription } from './status.ts';

/** The configuration that the planner uses, besides status and time. */
export interface Policy extends RefreshTimes {
  /** The configured source of tokens: see `lambda/source.ts`. */
  readonly source: string;
  /** ARN of the configured KMS key; null for the AWS managed key. */
  readonly encryptionKey: string | null;
}

/** What Parameter Store holds. */
export interface Stored {
  /** The version of the token parameter; null if there is none. */
  readonly tokenVersion: number | null;
  /** Null if there is none, or if it cannot be read. */
  readonly status: Status | null;
  /**
   * Whether the dates of the parameters, or what this instance wrote, show that the status is not of this token, even if
   * the version is the same: see {@link contradicts}. @default false
   */
  readonly statusContradictsToken?: boolean;
}

/** Why a token is minted. */
export type MintReason =
  | 'forced'
  | 'secret-changed'
  | 'keep-alive-refused'
  | 'no-token'
  | 'status-unreadable'
  | 'version-mismatch'
  | 'clock-future'
  | 'other-source'
  | 'other-key'
  | 'age'
  | 'secret-stage'
  | 'min-remaining';

/** Why no token is minted. */
export type KeepReason = 'not-due' | 'backoff';

export type Plan =
  | { readonly action: 'mint'; readonly reason: MintReason }
  | { readonly action: 'keep'; readonly reason: KeepReason };

/** A status from further in the future than this was written with a wrong clock. */
const FUTURE_TOLERANCE_MS = 30_000;

/** How long the server may refuse the secret's current version before invocations fail because of it. */
const ROTATION_MS = 15 * BEAT_MS;

/** The longest wait after a failure. A longer `Retry-After` is cut to this. */
const MAX_WAIT_MS = 60 * 60_000;

/** The longest wait after a permanent error, so that a corrected server or client is noticed within this time. */
const MAX_BACKOFF_MS = 5 * BEAT_MS;

/** Permanent errors: a person has to change something. */
const PERMANENT: ReadonlySet<FailureCode> = new Set([
  'CONFIG_INVALID',
  'SECRET_MALFORMED',
  'TOKEN_REJECTED',
  'TOKEN_RESPONSE_INVALID',
  'TOKEN_UNUSABLE',
  'TOKEN_TOO_LARGE',
]);

/** Everything that a decision depends on. */
interface Situation {
  readonly request: Request;
  readonly stored: Stored;
  readonly now: Date;
  readonly policy: Policy;
  /** Why minting fails, if the instance knows more than the status. @default the status's `lastFailure` */
  readonly lastFailure?: LastFailure | null;
  /** Whether the provider has just refused the stored token. @default false */
  readonly keepAliveRefused?: boolean;
  /** When a mint last returned the stored token again. @default null */
  readonly sameTokenAt?: Date | null;
}

/** Decides whether to mint now. Pure. */
export function plan(situation: Situation): Plan {
  const { kind } = situation.request;
  // These two even during a backoff.
  if (kind === 'force') return { action: 'mint', reason: 'forced' };
  if (kind === 'secret-changed') return { action: 'mint', reason: 'secret-changed' };
  const due = dueReason(situation);
  if (due === undefined) return { action: 'keep', reason: 'not-due' };
  if (isBackingOff(situation)) return { action: 'keep', reason: 'backoff' };
  return { action: 'mint', reason: due };
}

/** The first reason that applies. */
function dueReason(situation: Situation): MintReason | undefined {
  const { request, stored, now, policy, keepAliveRefused = false, sameTokenAt = null } = situation;
  if (keepAliveRefused) return 'keep-alive-refused';
  if (stored.tokenVersion === null) return 'no-token';
  if (stored.status === null) return 'status-unreadable';
  const token = describedToken(stored);
  // Somebody overwrote the parameter, or a mint ended between its two writes.
  if (token === null) return 'version-mismatch';
  const ageMs = now.getTime() - token.issuedAt.getTime();
  // The status was written with a clock that was ahead: it tells readers a remaining life that is too long.
  if (ageMs < -FUTURE_TOLERANCE_MS) return 'clock-future';
  // A status of an earlier release has no source, which is no reason to mint.
  if (token.source !== undefined && token.source !== policy.source) return 'other-source';
  if (!hasKey(token, policy)) return 'other-key';
  // Early enough before R to keep the outage tolerance if the first try fails. Computed from `issuedAt` and the lifetime, not from
  // the status's `refreshDueAt`, so that a changed interval takes effect at once.
  if (ageMs >= dueAgeMs(refreshAfterMs(lifetimeMs(token), policy))) return 'age';
  // A rotation takes minutes. If the server still refuses the current secret then, a person must act.
  if (isStageOverdue(token, now)) return 'secret-stage';
  if (request.kind !== 'min-remaining') return undefined;
  // A server that has just returned the stored token again will not return a newer one within a beat.
  const isFutile = sameTokenAt !== null && Math.abs(now.getTime() - sameTokenAt.getTime()) < BEAT_MS;
  return !isFutile && wantsMore(token, now, request.minRemainingMs) ? 'min-remaining' : undefined;
}

/** When the two parameters were written, by AWS's clock. */
export interface WrittenAt {
  readonly token: Date | undefined;
  readonly status: Date | undefined;
}

/**
 * Whether a status cannot be of the stored token. It was written before the token: a deleted parameter begins with version 1
 * again. Or it claims that the token was issued after it was written: whoever may write the status would so keep a dead
 * token for ever.
 */
export function contradicts(status: Status | null, writtenAt: WrittenAt): boolean {
  const tokenMs = writtenAt.token?.getTime() ?? 0;
  if (tokenMs === 0 || writtenAt.status === undefined) return false;
  const issuedMs = status?.token?.issuedAt.getTime() ?? 0;
  return (
    tokenMs - writtenAt.status.getTime() > CLOCK_TOLERANCE_MS || issuedMs - tokenMs > FUTURE_TOLERANCE_MS
  );
}

/** The description of the stored token; null if the status describes another token, or none. */
export function describedToken(stored: Stored): TokenDescription | null {
  const token = stored.status?.token ?? null;
  const isDescribed = token?.version === stored.tokenVersion && stored.statusContradictsToken !== true;
  return isDescribed ? token : null;
}

/** Whether a token is encrypted with the configured key, as far as its status says. */
export function hasKey({ encryptionKey }: TokenDescription, policy: Policy): boolean {
  return encryptionKey === undefined || encryptionKey === policy.encryptionKey;
}

/** Whether the server has refused the secret's AWSCURRENT version for longer than a rotation takes. */
export function isStageOverdue({ fallbackSince }: TokenDescription, now: Date): boolean {
  return fallbackSince !== undefined && now.getTime() - fallbackSince.getTime() >= ROTATION_MS;
}

/** When a token is to be replaced: R after it was issued. Only for the status: `plan` does not use it. */
export function refreshDueAt(
  token: { readonly issuedAt: Date; readonly expiresAt: Date },
  policy: RefreshTimes,
): Date {
  return new Date(token.issuedAt.getTime() + refreshAfterMs(lifetimeMs(token), policy));
}

function lifetimeMs(token: { readonly issuedAt: Date; readonly expiresAt: Date }): number {
  return token.expiresAt.getTime() - token.issuedAt.getTime();
}

/**
 * Whether a mint would give the requested remaining life. If no token lives that long, whether a mint would give clearly
 * more life than is left. A nearly fresh token is then enough, so that not every such request mints.
 */
function wantsMore(token: TokenDescription, now: Date, minRemainingMs: number): boolean {
  const wholeMs = lifetimeMs(token);
  const canBeMet = minRemainingMs <= wholeMs - MINT_TIME_LIMIT_MS;
  const wantedMs = canBeMet ? minRemainingMs : wholeMs - Math.max(BEAT_MS, wholeMs / 12);
  return token.expiresAt.getTime() - now.getTime() < wantedMs;
}

/** Whether the wait after a failure still runs. A longer wait than the longest one was written with a wrong clock. */
export function isBackingOff({ stored, now, ...situation }: Omit<Situation, 'request' | 'policy'>): boolean {
  const { lastFailure = stored.status?.lastFailure ?? null } = situation;
  if (lastFailure === null) return false;
  const waitMs = lastFailure.retryAt.getTime() - now.getTime();
  return waitMs > 0 && waitMs <= MAX_WAIT_MS;
}

/**
 * When to try again after a failed mint: on the next invocation; for permanent errors after 1, 2, 4, then every
 * 5 minutes; never before the time that the server named, up to an hour. It is half a beat earlier, so that a beat that
 * comes a little early still tries.
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
