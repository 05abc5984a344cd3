import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { type AwsClientSettings, faultOfAwsCall } from '../aws-client.ts';
import { errorLabel, RefreshError } from '../errors.ts';
import { createSecretsClient } from '../mint/secret.ts';

/** What one `DescribeSecret` answered: where the labels are, at one moment. */
export interface Labels {
  /** The labels of each version that has one, by the version's id. */
  readonly stages: Readonly<Record<string, readonly string[]>>;
  /** The ARN of the function that rotates the secret, or the AWS service that does; undefined: none. */
  readonly rotatedBy: string | undefined;
}

/** The versions of the secret that is rotated. Each call rejects with a RefreshError `SECRET_UNAVAILABLE`. */
export interface SecretVersions {
  describe(): Promise<Labels>;
  /** The value of a version; undefined if it has none (yet): Secrets Manager begins a rotation with an empty one. */
  read(versionId: string): Promise<string | undefined>;
  /** Stores a value in a version that has none, and stages it AWSPENDING. */
  putPending(versionId: string, text: string): Promise<void>;
  /** Moves AWSCURRENT from one version to another; does nothing if it has been moved elsewhere. */
  promote(versionId: string, from: string): Promise<void>;
  /** Takes AWSPENDING from a version. */
  clearPending(versionId: string): Promise<void>;
}

/**
 * Makes the adapter of one secret.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
 */
export function openVersions(options: {
  readonly secretArn: string;
  readonly awsClient: AwsClientSettings;
  readonly signal: AbortSignal;
}): SecretVersions {
  const { secretArn: SecretId, awsClient, signal } = options;
  const client = createSecretsClient(SecretId, awsClient);
  const run = async <T>(name: string, call: (client: SecretsManagerClient) => Promise<T>): Promise<T> => {
    try {
      return await call(client);
    } catch (error) {
      // Not passed on as the cause: the SDK's error may quote what was sent.
      throw new RefreshError(
        'SECRET_UNAVAILABLE',
        `secretsmanager:${name} on ${SecretId} failed: ${errorLabel(error)}. Secrets Manager tries the rotation again. If this continues, check the permissions of the rotation function's role and of the secret's KMS key, and deploy the stack again.`,
        { fault: faultOfAwsCall(error, 'Secrets Manager', 'secret') },
      );
    }
  };
  const move = (
    versions: { readonly MoveToVersionId?: string; readonly RemoveFromVersionId: string },
    VersionStage: string,
  ) =>
    run('UpdateSecretVersionStage', (client) =>
      client.send(new UpdateSecretVersionStageCommand({ SecretId, VersionStage, ...versions }), {
        abortSignal: signal,
      }),
    );
  return {
    describe: () =>
      run('DescribeSecret', async (client) => {
        const found = await client.send(new DescribeSecretCommand({ SecretId }), { abortSignal: signal });
        const rotatedBy =
          found.OwningService ?? (found.RotationEnabled ? found.RotationLambdaARN : undefined);
        return { stages: found.VersionIdsToStages ?? {}, rotatedBy };
      }),
    read: (VersionId) =>
      run('GetSecretValue', async (client) => {
        try {
          const command = new GetSecretValueCommand({ SecretId, VersionId });
          return (await client.send(command, { abortSignal: signal })).SecretString;
        } catch (error) {
          if (errorLabel(error) === 'ResourceNotFoundException') return undefined;
          throw error;
        }
      }),
    putPending: (ClientRequestToken, SecretString) =>
      run('PutSecretValue', async (client) => {
        const version = { SecretId, ClientRequestToken, SecretString, VersionStages: ['AWSPENDING'] };
        await client.send(new PutSecretValueCommand(version), { abortSignal: signal });
      }),
    async promote(MoveToVersionId, RemoveFromVersionId) {
      await move({ MoveToVersionId, RemoveFromVersionId }, 'AWSCURRENT');
    },
    async clearPending(RemoveFromVersionId) {
      await move({ RemoveFromVersionId }, 'AWSPENDING');
    },
  };
}
