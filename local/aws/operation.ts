/** The services of the endpoint. */
export type ServiceName = 'ssm' | 'secretsmanager' | 'kms' | 'lambda' | 'sts';

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
  /** Reads serve the state before the last write. */
  readonly stale: boolean;
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
  /** Policy of the resource itself (a KMS key's). */
  readonly resourcePolicy?: JsonObject;
  /** A check that AWS passes by itself is recorded only when it fails. */
  readonly implied?: boolean;
}

/** Executes one operation of a service: input as sent, output as answered. */
export type Operation = (input: JsonObject, call: OperationCall) => JsonObject;
