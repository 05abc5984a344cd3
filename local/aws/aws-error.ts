/**
 * An error that is sent to the client in the form of its service.
 *
 * `code` is AWS's name of the error, `status` the HTTP status, `fields` further members of the error's body
 * (`Reason` of Lambda's TooManyRequestsException, for instance).
 */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message = '',
    options: { status?: number; fields?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.code = code;
    this.status = options.status ?? 400;
    this.fields = options.fields ?? {};
  }
}

/** Makes the error that AWS gives for input that breaks a rule of its service model. */
export function validationError(message: string): AwsError {
  return new AwsError('ValidationException', message);
}

/** Writes the message of a broken model constraint as AWS does. */
export function constraintError(member: string, constraint: string): AwsError {
  return validationError(
    `1 validation error detected: Value at '${member}' failed to satisfy constraint: ${constraint}`,
  );
}
