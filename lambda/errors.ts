/** Every error code of an invocation. It is also Lambda's `errorType`. */
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
  | 'PARAMETER_NOT_WRITTEN'
  | 'ROTATION_NOT_SET_UP'
  | 'SECRET_NOT_RENEWED';

/** Whose fault a failure is: where a person looks first. */
export type Fault =
  | 'secret'
  | 'Secrets Manager'
  | 'token endpoint'
  | 'KMS'
  | 'IAM'
  | 'network'
  | 'SSM'
  | 'stack'
  | 'clock'
  | 'refresher';

/** Whose fault it is, if nothing more is known than the code; that of the other codes is the token endpoint. */
const FAULT_OF_CODE: Readonly<Partial<Record<FailureCode, Fault>>> = {
  CONFIG_INVALID: 'stack',
  EVENT_INVALID: 'stack',
  SECRET_UNAVAILABLE: 'secret',
  SECRET_MALFORMED: 'secret',
  TOKEN_REJECTED: 'secret',
  PARAMETER_UNAVAILABLE: 'SSM',
  PARAMETER_NOT_WRITTEN: 'SSM',
  ROTATION_NOT_SET_UP: 'secret',
};

interface RefreshErrorOptions {
  /** @default the fault that the code alone tells */
  readonly fault?: Fault;
  /** How long the server asked to wait (`Retry-After`), in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the token endpoint refused the credentials: another version of the secret is then tried. */
  readonly credentialsRefused?: boolean;
}

/**
 * The only error that this function throws. `message` says what happened and what to do next. It never contains a token,
 * a secret, or text that a server chose.
 *
 * `name` equals `code`, because Lambda reports an error's name as `errorType`. With the JSON log format Lambda logs the
 * name of the error's constructor instead, which a bundler shortens: the constructor's name is therefore also the code.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
 */
export class RefreshError extends Error {
  readonly code: FailureCode;
  readonly fault: Fault;
  readonly retryAfterMs: number | undefined;
  readonly credentialsRefused: boolean;

  constructor(code: FailureCode, message: string, options: RefreshErrorOptions = {}) {
    super(message);
    this.name = code;
    Object.defineProperty(this, 'constructor', { value: { name: code } });
    this.code = code;
    this.fault = options.fault ?? FAULT_OF_CODE[code] ?? 'token endpoint';
    this.retryAfterMs = options.retryAfterMs;
    this.credentialsRefused = options.credentialsRefused ?? false;
  }
}

/**
 * Wraps an unexpected error with the code of the current step. Its message and stack could contain a secret, so that
 * only its kind is reported.
 */
export function withCode(error: unknown, code: FailureCode): RefreshError {
  if (isRefreshError(error)) return error;
  const kind = error instanceof Error ? error.name : typeof error;
  return new RefreshError(
    code,
    `Unexpected ${kind}. The next invocation tries again. If this continues, it is a bug of the function: report it, with the function's log.`,
    { fault: 'refresher' },
  );
}

/** Tells whether a caught value is a {@link RefreshError}. */
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
