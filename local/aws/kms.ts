import { randomUUID } from 'node:crypto';
import { AwsError } from './aws-error.ts';
import type { JsonObject, OperationCall, Place } from './operation.ts';

interface KmsKey {
  readonly arn: string;
  readonly alias?: string;
  readonly policy: JsonObject;
}

/** The use of a key through a service, as the service does on the caller's behalf. */
interface KeyUse {
  readonly actions: readonly string[];
  readonly keyId: string;
  readonly service: string;
  readonly encryptionContext: Readonly<Record<string, string>>;
  /** The service's error for an unknown key. */
  readonly unusable: string;
  readonly call: OperationCall;
}

/** The keys of the account, and the permission checks for using one. */
export type Kms = ReturnType<typeof createKms>;

/**
 * Makes the key store with the two AWS managed keys.
 *
 * The policy of an AWS managed key lets every principal of the account use it through its service; a customer
 * managed key needs `kms:*` actions in the principal's own policies.
 *
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
 */
export function createKms({ region, accountId }: Place) {
  const arnOf = (name: string) => `arn:aws:kms:${region}:${accountId}:${name}`;
  const viaService = (service: string) => ({
    'kms:ViaService': `${service}.${region}.amazonaws.com`,
    'kms:CallerAccount': accountId,
  });
  const allow = (statement: object) => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Resource: '*', ...statement }],
  });
  const keys: KmsKey[] = ['ssm', 'secretsmanager'].map((service) => ({
    arn: arnOf(`key/${randomUUID()}`),
    alias: `alias/aws/${service}`,
    policy: allow({
      Principal: { AWS: '*' },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      Condition: { StringEquals: viaService(service) },
    }),
  }));

  return {
    /** Adds a customer managed key whose key policy leaves the decision to IAM, as the console's default does. */
    addKey(): KmsKey {
      const policy = allow({ Principal: { AWS: `arn:aws:iam::${accountId}:root` }, Action: 'kms:*' });
      const key = { arn: arnOf(`key/${randomUUID()}`), policy };
      keys.push(key);
      return key;
    },
    /** Checks that the caller may use a key. @throws AwsError `AccessDeniedException`, or the error of `unusable` */
    use({ actions, keyId, service, encryptionContext, unusable, call }: KeyUse): void {
      const key = keys.find(({ arn, alias }) => [arn, alias].includes(keyId));
      if (key === undefined) {
        throw new AwsError(
          unusable,
          `Key '${keyId}' does not exist (Service: AWSKMS; Status Code: 400; Error Code: NotFoundException)`,
        );
      }
      const context: Record<string, string> = viaService(service);
      for (const [name, value] of Object.entries(encryptionContext))
        context[`kms:EncryptionContext:${name}`] = value;
      for (const action of actions) {
        const implied = key.alias !== undefined;
        call.authorize({ action, resource: key.arn, context, resourcePolicy: key.policy, implied });
      }
    },
  };
}
