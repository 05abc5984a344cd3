import { MAX_LIFETIME_MS } from '../contract.ts';
import type { FailureCode } from '../errors.ts';
import type { SecretStage } from '../mint/secret.ts';

/** The description of a stored token, without the token. */
export interface TokenDescription {
  /** The version that Parameter Store gave the token. */
  readonly version: number;
  /** The first 12 hex digits of the token's SHA-256. */
  readonly fingerprint: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** Whether `expiresAt` is only assumed, because the server claims no lifetime that is believed. @default false */
  readonly isLifetimeAssumed?: boolean;
  /** For people: the planner computes it again from `issuedAt`, `expiresAt` and its policy. */
  readonly refreshDueAt: Date;
  readonly provider: string;
  /** The token's source: see `lambda/source.ts`. Absent: unknown, as in a status of an earlier release. */
  readonly source?: string;
  /** ARN of the KMS key that encrypts it; null for the AWS managed key. Absent: unknown. */
  readonly encryptionKey?: string | null;
  /** The secret's stage that the server accepted. Absent: unknown. */
  readonly secretStage?: SecretStage;
  /** Since when the server has refused AWSCURRENT and accepted another stage. Absent if it accepts AWSCURRENT. */
  readonly fallbackSince?: Date;
  /** When the version of the secret that it was minted with was stored. Absent: unknown. */
  readonly secretCreatedAt?: Date;
  /** How long a job that reads it once may use it; null if there is no job guarantee. Absent: unknown. */
  readonly jobGuaranteeMs?: number | null;
}

/** Why minting fails. */
export interface LastFailure {
  readonly code: FailureCode;
  readonly at: Date;
  /** How many mints failed one after the other. */
  readonly consecutive: number;
  /** The next try is not before this time. */
  readonly retryAt: Date;
}

/** The content of the status parameter. `token` is null until a first token was stored. */
export interface Status {
  readonly token: TokenDescription | null;
  readonly provider: string;
  readonly lastFailure: LastFailure | null;
}

/**
 * Schema version 1, as the parameter holds it. The fields that describe the token are null before the first token. Fields
 * that earlier releases did not write are optional.
 */
export interface StatusDocument {
  schemaVersion: 1;
  tokenVersion: number | null;
  fingerprint: string | null;
  issuedAt: string | null;
  expiresAt: string | null;
  /** `expiresAt` in whole seconds since 1970, rounded down, for shells; never read here. */
  expiresAtEpoch?: number | null;
  refreshDueAt: string | null;
  provider: string;
  source?: string | null | undefined;
  encryptionKey?: string | null | undefined;
  secretStage?: SecretStage | null | undefined;
  /** Only beside a `secretStage` other than AWSCURRENT. */
  secretStageSince?: string | undefined;
  secretCreatedAt?: string | null | undefined;
  /** Only if it is so. */
  lifetimeAssumed?: true | undefined;
  jobGuaranteeSeconds?: number | null | undefined;
  lastFailure: { code: string; at: string; consecutive: number; retryAt: string } | null;
}

/** Writes the status as JSON, schema version 1. Unknown fields are not written: JSON omits undefined. */
export function serializeStatus({ token, provider, lastFailure }: Status): string {
  const told = <T>(field: (token: TokenDescription) => T): T | null => (token === null ? null : field(token));
  const document: StatusDocument = {
    schemaVersion: 1,
    tokenVersion: told(({ version }) => version),
    fingerprint: told(({ fingerprint }) => fingerprint),
    issuedAt: told(({ issuedAt }) => issuedAt.toISOString()),
    expiresAt: told(({ expiresAt }) => expiresAt.toISOString()),
    expiresAtEpoch: told(({ expiresAt }) => wholeSeconds(expiresAt.getTime())),
    refreshDueAt: told(({ refreshDueAt }) => refreshDueAt.toISOString()),
    provider,
    source: told(({ source }) => source),
    encryptionKey: told(({ encryptionKey }) => encryptionKey),
    secretStage: told(({ secretStage }) => secretStage),
    secretStageSince: token?.fallbackSince?.toISOString(),
    secretCreatedAt: told(({ secretCreatedAt }) => secretCreatedAt?.toISOString()),
    lifetimeAssumed: token?.isLifetimeAssumed === true || undefined,
    jobGuaranteeSeconds: told(({ jobGuaranteeMs }) => jobGuaranteeMs && wholeSeconds(jobGuaranteeMs)),
    lastFailure: lastFailure && {
      code: lastFailure.code,
      at: lastFailure.at.toISOString(),
      consecutive: lastFailure.consecutive,
      retryAt: lastFailure.retryAt.toISOString(),
    },
  };
  return JSON.stringify(document);
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/**
 * Reads a status parameter's value. A lifetime above 48 hours is cut to 48 hours, because otherwise no later token would
 * be due. Returns null if it is not a complete, consistent status (issued before due before expired) of schema version 1:
 * the caller then mints, which writes a correct one.
 */
export function parseStatus(json: string): Status | null {
  let document: Partial<StatusDocument> | null;
  try {
    document = JSON.parse(json);
  } catch {
    return null;
  }
  if (typeof document !== 'object' || document === null || document.schemaVersion !== 1) return null;
  if (typeof document.provider !== 'string') return null;
  const token = document.tokenVersion === null ? null : parseToken(document, document.provider);
  if (token === undefined) return null;
  return { token, provider: document.provider, lastFailure: parseLastFailure(document.lastFailure) };
}

function parseToken(document: Partial<StatusDocument>, provider: string): TokenDescription | undefined {
  const { tokenVersion: version, fingerprint } = document;
  const issuedAt = parseDate(document.issuedAt);
  const claimedExpiry = parseDate(document.expiresAt);
  const refreshDueAt = parseDate(document.refreshDueAt);
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1) return undefined;
  if (typeof fingerprint !== 'string' || !/^[0-9a-f]{12}$/.test(fingerprint)) return undefined;
  if (!issuedAt || !claimedExpiry || !refreshDueAt) return undefined;
  if (!(issuedAt < refreshDueAt && refreshDueAt <= claimedExpiry)) return undefined;
  const latest = new Date(issuedAt.getTime() + MAX_LIFETIME_MS);
  const expiresAt = claimedExpiry < latest ? claimedExpiry : latest;
  const origin = parseOrigin(document, issuedAt);
  return origin && { version, fingerprint, issuedAt, expiresAt, refreshDueAt, provider, ...origin };
}

const SECRET_STAGES: readonly unknown[] = ['AWSCURRENT', 'AWSPENDING', 'AWSPREVIOUS'] satisfies SecretStage[];

/** The fields that earlier releases did not write: absent or null means unknown; a wrong type makes the status unreadable. */
function parseOrigin(document: Partial<StatusDocument>, issuedAt: Date) {
  const { source, encryptionKey, secretStage, jobGuaranteeSeconds: seconds } = document;
  if (!isAbsent(source) && !isText(source, SOURCE)) return undefined;
  if (!isAbsent(encryptionKey) && !isText(encryptionKey, PLAIN_TEXT)) return undefined;
  if (!isAbsent(secretStage) && !SECRET_STAGES.includes(secretStage)) return undefined;
  if (!isAbsent(seconds) && !(Number.isSafeInteger(seconds) && seconds >= 0)) return undefined;
  const secretCreatedAt = parseDate(document.secretCreatedAt);
  return {
    ...(source ? { source } : {}),
    ...(encryptionKey === undefined ? {} : { encryptionKey }),
    ...(secretStage ? { secretStage } : {}),
    ...(secretStage && secretStage !== 'AWSCURRENT'
      ? { fallbackSince: earliest(parseDate(document.secretStageSince), issuedAt) }
      : {}),
    ...(secretCreatedAt === undefined ? {} : { secretCreatedAt }),
    ...(document.lifetimeAssumed === true ? { isLifetimeAssumed: true } : {}),
    ...(seconds === undefined ? {} : { jobGuaranteeMs: seconds && seconds * 1000 }),
  };
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** With a time after the token's issue the fault would never be reported. */
function earliest(since: Date | undefined, issuedAt: Date): Date {
  return since !== undefined && since < issuedAt ? since : issuedAt;
}

const SOURCE = /^[0-9a-f]{16}$/;
const PLAIN_TEXT = /^[\x21-\x7e]{1,2048}$/;

function isText(value: unknown, shape: RegExp): boolean {
  return typeof value === 'string' && shape.test(value);
}

/** An unreadable failure counts as none: the next mint is then tried at once. */
function parseLastFailure(failure: StatusDocument['lastFailure'] | undefined): LastFailure | null {
  if (typeof failure !== 'object' || failure === null) return null;
  const { code, consecutive } = failure;
  const at = parseDate(failure.at);
  const retryAt = parseDate(failure.retryAt);
  // A count below 1 would take the backoff away.
  const isCount = Number.isSafeInteger(consecutive) && consecutive >= 1;
  if (!at || !retryAt || typeof code !== 'string' || !isCount) return null;
  return { code: code as FailureCode, at, consecutive, retryAt };
}

function parseDate(value: unknown): Date | undefined {
  if (typeof value !== 'string') return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
