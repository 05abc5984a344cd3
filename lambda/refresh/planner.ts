import { BEAT_MS, dueAgeMs, MINT_TIME_LIMIT_MS, type RefreshTimes, refreshAfterMs } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import type { Request } from '../event.ts';
import type { LastFailure, Status, TokenDescription } from './status.ts';

/** What the planner decides by, besides status and time: what is configured. */
export interface Policy extends RefreshTimes {
  /** Where tokens are to come from: see `lambda/source.ts`. */
  readonly source: string;
  /** ARN of the KMS key that the token is to be encrypted with; null for AWS's own. */
  readonly encryptionKey: string | null;
}

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

/** A status that claims to be from further ahead than this was not written by a right clock. */
const FUTURE_TOLERANCE_MS = 30_000;

/** How long the server may refuse the secret's current version before the invocations fail because of it. */
const ROTATION_MS = 15 * BEAT_MS;

/** The longest wait after a failure. A longer `Retry-After` is not believed. */
const MAX_WAIT_MS = 60 * 60_000;

/** The longest wait after a permanent error. A corrected server or client is noticed after this time at the latest. */
const MAX_BACKOFF_MS = 5 * BEAT_MS;

/** Failures that another try does not cure: a person has to change something. */
const PERMANENT: ReadonlySet<FailureCode> = new Set([
  'CONFIG_INVALID',
  'SECRET_MALFORMED',
  'TOKEN_REJECTED',
  'TOKEN_RESPONSE_INVALID',
  'TOKEN_UNUSABLE',
  'TOKEN_TOO_LARGE',
]);

/** All that a decision is made from. */
interface Situation {
  readonly request: Request;
  readonly stored: Stored;
  readonly now: Date;
  readonly policy: Policy;
  /** Why minting fails at present, where the instance knows more than the status. @default what the status says */
  readonly lastFailure?: LastFailure | null;
  /** Whether the provider has just refused the stored token. @default false */
  readonly keepAliveRefused?: boolean;
  /** When a mint last brought the stored token again. @default null */
  readonly sameTokenAt?: Date | null;
}

/** Finds one reason to mint; undefined where it does not apply. */
type Check = (situation: Situation) => MintReason | undefined;

/** Reasons that mint also during a backoff. */
const URGENT: readonly Check[] = [forced, secretChanged];

/** All other reasons. The result names the first one that applies. */
const DUE: readonly Check[] = [
  refusedByProvider,
  noToken,
  unreadableStatus,
  anotherVersion,
  fromFuture,
  anotherSource,
  anotherKey,
  old,
  anotherSecretStage,
  tooShortForJob,
];

/** Decides whether to mint now. Pure. */
export function plan(situation: Situation): Plan {
  const urgent = firstReason(URGENT, situation);
  if (urgent !== undefined) return { action: 'mint', reason: urgent };
  const due = firstReason(DUE, situation);
  if (due === undefined) return { action: 'keep', reason: 'not-due' };
  if (isBackingOff(situation)) return { action: 'keep', reason: 'backoff' };
  return { action: 'mint', reason: due };
}

function firstReason(checks: readonly Check[], situation: Situation): MintReason | undefined {
  for (const check of checks) {
    const reason = check(situation);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function forced({ request }: Situation) {
  return request.kind === 'force' ? 'forced' : undefined;
}

function secretChanged({ request }: Situation) {
  return request.kind === 'secret-changed' ? 'secret-changed' : undefined;
}

function refusedByProvider({ keepAliveRefused = false }: Situation) {
  return keepAliveRefused ? 'keep-alive-refused' : undefined;
}

function noToken({ stored }: Situation) {
  return stored.tokenVersion === null ? 'no-token' : undefined;
}

function unreadableStatus({ stored }: Situation) {
  return stored.status === null ? 'status-unreadable' : undefined;
}

/** The parameter was overwritten by hand, or a mint ended between its two writes. */
function anotherVersion({ stored }: Situation) {
  return describedToken(stored) === null ? 'version-mismatch' : undefined;
}

/** Written by a clock that was ahead: such a status promises readers more life than there is. */
function fromFuture({ stored, now }: Situation) {
  const token = describedToken(stored);
  const isAhead = token !== null && token.issuedAt.getTime() > now.getTime() + FUTURE_TOLERANCE_MS;
  return isAhead ? 'clock-future' : undefined;
}

/** An earlier release did not say where its token came from: that is no reason to mint. */
function anotherSource({ stored, policy }: Situation) {
  const source = describedToken(stored)?.source;
  return source !== undefined && source !== policy.source ? 'other-source' : undefined;
}

function anotherKey({ stored, policy }: Situation) {
  const token = describedToken(stored);
  return token !== null && !hasKey(token, policy) ? 'other-key' : undefined;
}

/**
 * Early enough before R that the outage tolerance holds from the very moment at which the first try can fail. Computed
 * from the issue and the lifetime, whatever the status says of its own due time: a changed interval counts at once.
 */
function old({ stored, now, policy }: Situation) {
  const token = describedToken(stored);
  if (token === null) return undefined;
  const ageMs = now.getTime() - token.issuedAt.getTime();
  return ageMs >= dueAgeMs(refreshAfterMs(lifetimeMs(token), policy)) ? 'age' : undefined;
}

/** A rotation takes minutes. A server that still refuses the current secret then is a fault that people must hear of. */
function anotherSecretStage({ stored, now }: Situation) {
  const token = describedToken(stored);
  return token !== null && isStageOverdue(token, now) ? 'secret-stage' : undefined;
}

/** A server that has just returned the stored token again gives no better one within a beat. */
function tooShortForJob({ request, stored, now, sameTokenAt = null }: Situation) {
  const token = describedToken(stored);
  if (request.kind !== 'min-remaining' || token === null) return undefined;
  const isFutile = sameTokenAt !== null && Math.abs(now.getTime() - sameTokenAt.getTime()) < BEAT_MS;
  return !isFutile && wantsMore(token, now, request.minRemainingMs) ? 'min-remaining' : undefined;
}

/** The description of the token that is really stored; null where the status describes another one, or none. */
export function describedToken(stored: Stored): TokenDescription | null {
  const token = stored.status?.token ?? null;
  const isDescribed = token?.version === stored.tokenVersion && stored.statusPrecedesToken !== true;
  return isDescribed ? token : null;
}

/** Whether a token is encrypted as configured, as far as its status says. */
export function hasKey({ encryptionKey }: TokenDescription, policy: Policy): boolean {
  return encryptionKey === undefined || encryptionKey === policy.encryptionKey;
}

/** Whether the server has refused the secret's AWSCURRENT version for longer than a rotation takes. */
export function isStageOverdue({ fallbackSince }: TokenDescription, now: Date): boolean {
  return fallbackSince !== undefined && now.getTime() - fallbackSince.getTime() >= ROTATION_MS;
}

/** When a token is to be replaced: R after it was issued. For the status: `plan` computes for itself. */
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
 * Whether a mint would give a job the life that it asks for. If no token lives that long, whether a mint would give
 * clearly more life than is left: a nearly fresh token is then enough, so that not every such request mints.
 */
function wantsMore(token: TokenDescription, now: Date, minRemainingMs: number): boolean {
  const wholeMs = lifetimeMs(token);
  const canBeMet = minRemainingMs <= wholeMs - MINT_TIME_LIMIT_MS;
  const wantedMs = canBeMet ? minRemainingMs : wholeMs - Math.max(BEAT_MS, wholeMs / 12);
  return token.expiresAt.getTime() - now.getTime() < wantedMs;
}

function isBackingOff({ stored, now, ...situation }: Situation): boolean {
  const { lastFailure = stored.status?.lastFailure ?? null } = situation;
  if (lastFailure === null) return false;
  const waitMs = lastFailure.retryAt.getTime() - now.getTime();
  return waitMs > 0 && waitMs <= MAX_WAIT_MS;
}

/**
 * When to try again after a failed mint: on the next invocation; for permanent errors after 1, 2, 4, then every
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
