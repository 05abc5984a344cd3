import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type AwsClientSettings, awsTimeLimits, faultOfAwsCall } from '../aws-client.ts';
import { errorLabel, type Fault, RefreshError } from '../errors.ts';

/** The staging labels of a secret's versions that take part in a rotation. */
export type SecretStage = 'AWSCURRENT' | 'AWSPENDING' | 'AWSPREVIOUS';

/** One version of the secret, as it was stored. */
export interface SecretVersion {
  readonly text: string;
  /** When this version was stored; undefined if Secrets Manager did not say. */
  readonly createdAt: Date | undefined;
}

/** Reads one version of the one secret. */
export type ReadSecret = (
  stage: SecretStage,
  options: { readonly signal: AbortSignal },
) => Promise<SecretVersion>;

/**
 * Makes the reader of one secret: one `secretsmanager:GetSecretValue` per call, no other permission.
 *
 * The function that it returns rejects with a RefreshError: `SECRET_UNAVAILABLE`, or `SECRET_MALFORMED` where the
 * secret is binary.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export function createReadSecret(options: {
  readonly secretArn: string;
  /** @default the SDK's own */
  readonly awsClient?: AwsClientSettings;
  readonly client?: SecretsManagerClient;
}): ReadSecret {
  const { secretArn, client = createSecretsClient(secretArn, options.awsClient) } = options;
  return async (stage, { signal }) => {
    let found: { SecretString?: string | undefined; CreatedDate?: Date | undefined };
    try {
      const command = new GetSecretValueCommand({ SecretId: secretArn, VersionStage: stage });
      found = await client.send(command, { abortSignal: signal });
    } catch (error) {
      // Not passed on as the cause: the SDK's error may quote a response that it could not parse.
      throw unavailable(error, secretArn, stage);
    }
    if (found.SecretString === undefined) {
      throw new RefreshError(
        'SECRET_MALFORMED',
        `The secret ${secretArn} is stored as binary. Store it as text: aws secretsmanager put-secret-value --secret-id ${secretArn} --secret-string file://credentials.json`,
      );
    }
    return { text: found.SecretString, createdAt: found.CreatedDate };
  };
}

/** Makes the client for a secret, which may be in another region than the function: its ARN says which. */
export function createSecretsClient(
  secretArn: string,
  awsClient: AwsClientSettings | undefined,
): SecretsManagerClient {
  const region = /^arn:[^:]+:secretsmanager:([^:]+):/.exec(secretArn)?.[1];
  return new SecretsManagerClient({
    ...awsClient,
    ...(region === undefined ? {} : { region }),
    maxAttempts: 3,
    requestHandler: awsTimeLimits(2_500),
  });
}

function unavailable(error: unknown, secretArn: string, stage: SecretStage): RefreshError {
  const label = errorLabel(error);
  const fault = faultOfAwsCall(error, 'Secrets Manager', 'secret');
  return new RefreshError(
    'SECRET_UNAVAILABLE',
    `secretsmanager:GetSecretValue on ${secretArn} (${stage}) failed: ${label}. ${remedy(error, fault, secretArn, stage)}`,
    { fault },
  );
}

function remedy(error: unknown, fault: Fault, secretArn: string, stage: SecretStage): string {
  if (fault === 'KMS') {
    return "kms:Decrypt on the secret's KMS key failed: check that the key is enabled, and that the function's role may use it, also in the key's policy.";
  }
  if (fault === 'IAM') {
    return "Deploy the stack again. If this continues, check the function's role, the secret's resource policy, permissions boundaries and SCPs.";
  }
  switch (errorLabel(error)) {
    case 'ResourceNotFoundException':
      // Only searched, never repeated.
      return /staging label/i.test((error as Error).message)
        ? `The secret has no version staged ${stage}: store one with aws secretsmanager put-secret-value --secret-id ${secretArn} --secret-string file://credentials.json`
        : 'There is no such secret: check secretArn or secretName in the settings, and its account and region, and deploy again.';
    case 'InvalidRequestException':
      return `The secret is probably marked for deletion: aws secretsmanager restore-secret --secret-id ${secretArn}, or configure another one.`;
    case 'ThrottlingException':
      return 'Secrets Manager throttled the account. The next invocation tries again.';
    default:
      return 'The next invocation tries again. If this continues, check the function’s route to Secrets Manager (VPC endpoint or NAT gateway) and the AWS Health Dashboard.';
  }
}
