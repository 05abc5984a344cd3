/**
 * An error that is sent to the client in the form of its service.
 *
 * `code` is AWS's name of the error, `status` the HTTP status.
 */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;
  readonly status: number;

  constructor(code: string, message = '', status = 400) {
    super(message);
    this.code = code;
    this.status = status;
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
