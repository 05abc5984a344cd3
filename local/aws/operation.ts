import { z } from 'zod';
import { type AwsError, constraintError, validationError } from './aws-error.ts';

/** The services of the endpoint. */
export type ServiceName = 'ssm' | 'secretsmanager' | 'lambda' | 'sts';

/** A JSON object as it came over the wire, not yet checked. */
export type JsonObject = Record<string, unknown>;

/** The region and account of the endpoint. */
export interface Place {
  readonly region: string;
  readonly accountId: string;
}

/** An identity policy document: `{Version, Statement}`, all intrinsic functions resolved. */
export type PolicyDocument = JsonObject;

/** The caller, and its permissions. */
export interface Principal {
  /** ARN as it appears in AWS's messages, `arn:aws:sts::111122223333:assumed-role/name/session`. */
  readonly arn: string;
  readonly policies: readonly PolicyDocument[];
  /** When the session ends, by the endpoint's clock. @default never */
  readonly expiresAt?: Date;
}

/** One call while it is executed: the caller, its permissions, the time. */
export interface OperationCall {
  readonly requestId: string;
  readonly principal: Principal;
  readonly now: Date;
  /**
   * Checks one IAM permission of the caller and records the check.
   *
   * @throws AwsError `AccessDeniedException` with AWS's wording when the caller's policies do not allow it
   */
  authorize(permission: Permission): void;
}

/** One permission that an operation needs. */
export interface Permission {
  /** IAM action, `ssm:GetParameters`. */
  readonly action: string;
  /** ARN that the policies are evaluated against. */
  readonly resource: string;
  /** Condition keys of the request. */
  readonly context?: Readonly<Record<string, string>>;
  /** Policy of the resource itself (a KMS key's, a role's trust policy). */
  readonly resourcePolicy?: JsonObject;
}

/** Executes one operation of a service: input as sent, output as answered. */
export type Operation<Output = JsonObject> = (input: JsonObject, call: OperationCall) => Output;

/**
 * Makes an operation of the table: its input is checked against `shape` before it is executed. A member that the shape does
 * not have is an error: nothing that a caller sends is silently ignored.
 */
export function operation<Shape extends z.ZodRawShape, Output extends JsonObject | Promise<JsonObject>>(
  shape: Shape,
  execute: (input: z.output<z.ZodObject<Shape>>, call: OperationCall) => Output,
): Operation<Output> {
  const schema = z.strictObject(shape) as unknown as z.ZodObject<Shape>;
  return (input, call) => {
    const { success, data, error } = schema.safeParse(input);
    if (!success) throw inputError(error.issues[0] as z.core.$ZodIssue, input);
    return execute(data, call);
  };
}

/** Words a broken rule of the service model as AWS does. */
function inputError(issue: z.core.$ZodIssue, input: JsonObject): AwsError {
  if (issue.code === 'unrecognized_keys')
    return validationError(`The endpoint does not emulate ${issue.keys.join(', ')}.`);
  const [member = ''] = issue.path.map(String);
  const path = member.charAt(0).toLowerCase() + member.slice(1);
  if (issue.code === 'too_big')
    return constraintError(path, `Member must have length less than or equal to ${issue.maximum}`);
  return constraintError(path, input[member] === undefined ? 'Member must not be null' : issue.message);
}
