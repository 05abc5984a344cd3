import { epochSeconds, optionalString } from './input.ts';
import type { Kms } from './kms.ts';
import type { Operation, OperationCall } from './operation.ts';
import type { SecretAccess } from './secret-access.ts';
import { findSecretVersion, type Secret, type SecretStore, type SecretVersion } from './secret-store.ts';

/**
 * Makes the operations that read secrets.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export function createSecretReads(parts: {
  store: SecretStore;
  kms: Kms;
  access: SecretAccess;
}): Record<string, Operation> {
  const { kms, access } = parts;
  return {
    GetSecretValue(input, call) {
      const versionId = optionalString(input, 'VersionId');
      const stage = optionalString(input, 'VersionStage');
      const secret = access('GetSecretValue', input, call, {
        stale: call.stale,
        context: {
          ...(versionId === undefined ? {} : { 'secretsmanager:VersionId': versionId }),
          'secretsmanager:VersionStage': stage ?? 'AWSCURRENT',
        },
      });
      const version = findSecretVersion(secret, { versionId, stage });
      useKey(kms, secret, version.versionId, ['kms:Decrypt'], call);
      return {
        ARN: secret.arn,
        Name: secret.name,
        VersionId: version.versionId,
        ...version.value,
        VersionStages: version.stages,
        CreatedDate: epochSeconds(version.createdDate),
      };
    },

    DescribeSecret(input, call) {
      const secret = access('DescribeSecret', input, call, { evenIfDeleted: true, stale: call.stale });
      return {
        ARN: secret.arn,
        Name: secret.name,
        ...(secret.description === undefined ? {} : { Description: secret.description }),
        ...(secret.kmsKeyId === undefined ? {} : { KmsKeyId: secret.kmsKeyId }),
        CreatedDate: epochSeconds(secret.createdDate),
        LastChangedDate: epochSeconds(secret.lastChangedDate),
        ...(secret.lastRotatedDate ? { LastRotatedDate: epochSeconds(secret.lastRotatedDate) } : {}),
        ...(secret.deletedDate ? { DeletedDate: epochSeconds(secret.deletedDate) } : {}),
        Tags: [...secret.tags].map(([Key, Value]) => ({ Key, Value })),
        VersionIdsToStages: Object.fromEntries(
          secret.versions.filter(isLabelled).map(({ versionId, stages }) => [versionId, stages]),
        ),
      };
    },

    ListSecretVersionIds(input, call) {
      const secret = access('ListSecretVersionIds', input, call, { evenIfDeleted: true, stale: call.stale });
      const versions =
        input.IncludeDeprecated === true ? secret.versions : secret.versions.filter(isLabelled);
      return {
        ARN: secret.arn,
        Name: secret.name,
        Versions: versions.map(({ versionId, stages, createdDate }) => ({
          VersionId: versionId,
          VersionStages: stages,
          CreatedDate: epochSeconds(createdDate),
        })),
      };
    },
  };
}

/** Checks that the caller may use the key of a secret. The default key needs no permission. */
export function useKey(
  kms: Kms,
  secret: Pick<Secret, 'arn' | 'kmsKeyId'>,
  versionId: string,
  actions: readonly string[],
  call: OperationCall,
): void {
  kms.use({
    actions,
    keyId: secret.kmsKeyId ?? 'alias/aws/secretsmanager',
    service: 'secretsmanager',
    encryptionContext: { SecretARN: secret.arn, SecretVersionId: versionId },
    unusable: actions.includes('kms:Decrypt') ? 'DecryptionFailure' : 'EncryptionFailure',
    call,
  });
}

function isLabelled({ stages }: SecretVersion): boolean {
  return stages.length > 0;
}
