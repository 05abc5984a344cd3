/** Every way in which an invocation can fail. The code is the contract: it is also Lambda's `errorType`. */
export type FailureCode =
  | 'CONFIG_INVALID'
  | 'EVENT_INVALID'
  | 'SECRET_UNAVAILABLE'
  | 'SECRET_MALFORMED'
  | 'TOKEN_REJECTED'
  | 'TOKEN_ENDPOINT_THROTTLED'
  | 'TOKEN_ENDPOINT_UNAVAILABLE'
  | 'TOKEN_RESPONSE_INVALID'
  | 'TOKEN_UNUSABLE'
  | 'TOKEN_TOO_LARGE'
  | 'PARAMETER_UNAVAILABLE'
  | 'PARAMETER_NOT_WRITTEN';

interface RefreshErrorOptions {
  /** The caught error. Never one that can hold a body, a header, a secret or a token. */
  readonly cause?: unknown;
  /** How long the server asked us to stay away (`Retry-After`), in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the token endpoint refused the credentials: another version of the secret is then worth a try. */
  readonly credentialsRefused?: boolean;
}

/**
 * The one error that leaves this function. `message` says what happened and what to do next; it never carries
 * a token, a secret, or text that a server chose.
 *
 * `name` equals `code`, because Lambda reports an error's name as `errorType`. With the JSON log format Lambda logs the
 * name of the error's constructor instead, which a bundler shortens: that one is the code too.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
 */
export class RefreshError extends Error {
  readonly code: FailureCode;
  readonly retryAfterMs: number | undefined;
  readonly credentialsRefused: boolean;

  constructor(code: FailureCode, message: string, options: RefreshErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = code;
    Object.defineProperty(this, 'constructor', { value: { name: code } });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.credentialsRefused = options.credentialsRefused ?? false;
  }
}

/**
 * Gives an error that nobody foresaw the code of what was being done. Its message and stack could hold anything, so
 * only its kind is told.
 */
export function withCode(error: unknown, code: FailureCode): RefreshError {
  if (isRefreshError(error)) return error;
  const kind = error instanceof Error ? error.name : typeof error;
  return new RefreshError(
    code,
    `Unexpected ${kind}. The next invocation tries again. If it stays, this is a fault of the function itself: report it, with its log.`,
  );
}

/** Narrows anything caught to a {@link RefreshError}. */
export function isRefreshError(error: unknown): error is RefreshError {
  return error instanceof RefreshError;
}

/** The short technical name of a caught error (`ECONNREFUSED`, `ThrottlingException`): safe to log and to show. */
export function errorLabel(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown error';
  const { code, name, cause } = error as { code?: unknown; name?: unknown; cause?: unknown };
  if (typeof code === 'string' && code !== '') return code;
  if (typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string') {
    return cause.code;
  }
  return typeof name === 'string' && name !== '' ? name : 'unknown error';
}
