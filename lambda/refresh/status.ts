import type { FailureCode } from '../errors.ts';

/** What is known of a stored token, without the token. */
export interface TokenDescription {
  /** The version that Parameter Store gave the token. */
  readonly version: number;
  /** The first 12 hex digits of the token's SHA-256. */
  readonly fingerprint: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly refreshDueAt: Date;
  readonly provider: string;
}

/** Why minting fails at present. */
export interface LastFailure {
  readonly code: FailureCode;
  readonly at: Date;
  /** How many mints failed one after the other. */
  readonly consecutive: number;
  /** Not to be tried before this time. */
  readonly retryAt: Date;
}

/** The content of the status parameter. `token` is null until a first token was stored. */
export interface Status {
  readonly token: TokenDescription | null;
  readonly provider: string;
  readonly lastFailure: LastFailure | null;
}

/** Schema version 1, as it stands in the parameter. Its `tokenVersion` to `refreshDueAt` are null before the first token. */
interface StatusDocument {
  schemaVersion: 1;
  tokenVersion: number | null;
  fingerprint: string | null;
  issuedAt: string | null;
  expiresAt: string | null;
  refreshDueAt: string | null;
  provider: string;
  lastFailure: { code: string; at: string; consecutive: number; retryAt: string } | null;
}

/** Writes the status as JSON, schema version 1. */
export function serializeStatus({ token, provider, lastFailure }: Status): string {
  const document: StatusDocument = {
    schemaVersion: 1,
    tokenVersion: token?.version ?? null,
    fingerprint: token?.fingerprint ?? null,
    issuedAt: token?.issuedAt.toISOString() ?? null,
    expiresAt: token?.expiresAt.toISOString() ?? null,
    refreshDueAt: token?.refreshDueAt.toISOString() ?? null,
    provider,
    lastFailure: lastFailure && {
      code: lastFailure.code,
      at: lastFailure.at.toISOString(),
      consecutive: lastFailure.consecutive,
      retryAt: lastFailure.retryAt.toISOString(),
    },
  };
  return JSON.stringify(document);
}

/**
 * Reads a status parameter's value. Anything that is not schema version 1, whole and consistent (issued before
 * due before expired), is null: the caller then mints, which writes a good one.
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
  const expiresAt = parseDate(document.expiresAt);
  const refreshDueAt = parseDate(document.refreshDueAt);
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1) return undefined;
  if (typeof fingerprint !== 'string' || !/^[0-9a-f]{12}$/.test(fingerprint)) return undefined;
  if (!issuedAt || !expiresAt || !refreshDueAt) return undefined;
  if (!(issuedAt < refreshDueAt && refreshDueAt <= expiresAt)) return undefined;
  return { version, fingerprint, issuedAt, expiresAt, refreshDueAt, provider };
}

/** A failure that cannot be read is no failure: the next mint is then simply tried. */
function parseLastFailure(failure: StatusDocument['lastFailure'] | undefined): LastFailure | null {
  if (typeof failure !== 'object' || failure === null) return null;
  const at = parseDate(failure.at);
  const retryAt = parseDate(failure.retryAt);
  if (!at || !retryAt || typeof failure.code !== 'string' || !Number.isInteger(failure.consecutive))
    return null;
  return { code: failure.code as FailureCode, at, consecutive: failure.consecutive, retryAt };
}

function parseDate(value: unknown): Date | undefined {
  if (typeof value !== 'string') return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
