import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { type AwsClientSettings, faultOfAwsCall } from '../aws-client.ts';
import { errorLabel, RefreshError } from '../errors.ts';
import { createSecretsClient } from '../mint/secret.ts';

/** The versions of the secret that is rotated. Each call rejects with a RefreshError `SECRET_UNAVAILABLE`. */
export type SecretVersions = ReturnType<typeof openVersions>;

/**
 * Makes the adapter of one secret.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
 */
export function openVersions(options: {
  readonly secretArn: string;
  readonly awsClient: AwsClientSettings;
  readonly signal: AbortSignal;
}) {
  const { secretArn: SecretId, awsClient, signal: abortSignal } = options;
  const client = createSecretsClient(SecretId, awsClient);
  // The error is not passed on as the cause: the SDK's may quote what was sent.
  const failed = (name: string) => (error: unknown) => {
    throw new RefreshError(
      'SECRET_UNAVAILABLE',
      `secretsmanager:${name} on ${SecretId} failed: ${errorLabel(error)}. Secrets Manager tries the rotation again. If this continues, check the permissions of the rotation function's role and of the secret's KMS key, and deploy the stack again.`,
      { fault: faultOfAwsCall(error, 'Secrets Manager', 'secret') },
    );
  };
  return {
    /**
     * The labels of each version that has one, by the version's id, at one moment; and the ARN of the function that rotates
     * the secret, or the AWS service that does.
     */
    async describe() {
      const command = new DescribeSecretCommand({ SecretId });
      const found = await client.send(command, { abortSignal }).catch(failed('DescribeSecret'));
      const rotatedBy = found.OwningService ?? (found.RotationEnabled ? found.RotationLambdaARN : undefined);
      const stages: Readonly<Record<string, readonly string[]>> = found.VersionIdsToStages ?? {};
      return { stages, rotatedBy };
    },
    /** The value of a version; undefined if it has none (yet): Secrets Manager begins a rotation with an empty one. */
    async read(VersionId: string): Promise<string | undefined> {
      const command = new GetSecretValueCommand({ SecretId, VersionId });
      const found = await client.send(command, { abortSignal }).catch((error: unknown) => {
        if (errorLabel(error) !== 'ResourceNotFoundException') failed('GetSecretValue')(error);
      });
      return found?.SecretString;
    },
    /** Stores a value in a version that has none, and stages it AWSPENDING. */
    async putPending(ClientRequestToken: string, SecretString: string): Promise<void> {
      const version = { SecretId, ClientRequestToken, SecretString, VersionStages: ['AWSPENDING'] };
      await client.send(new PutSecretValueCommand(version), { abortSignal }).catch(failed('PutSecretValue'));
    },
    /** Takes a label from a version; the other one gets it. Rejects if it has been moved elsewhere. */
    async move(
      VersionStage: 'AWSCURRENT' | 'AWSPENDING',
      { from: RemoveFromVersionId, to: MoveToVersionId }: { readonly from: string; readonly to?: string },
    ): Promise<void> {
      const labels = { SecretId, VersionStage, RemoveFromVersionId, MoveToVersionId };
      const command = new UpdateSecretVersionStageCommand(labels);
      await client.send(command, { abortSignal }).catch(failed('UpdateSecretVersionStage'));
    },
  };
}
