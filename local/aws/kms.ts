import { randomUUID } from 'node:crypto';
import { AwsError } from './aws-error.ts';
import type { JsonObject, OperationCall, Place } from './operation.ts';

/** A KMS key as far as the stores use it. */
export interface KmsKey {
  readonly arn: string;
  readonly alias?: string;
  readonly managedBy?: 'aws';
  state: 'Enabled' | 'Disabled' | 'PendingDeletion';
  policy: JsonObject;
}

/** The keys of the account, and the permission checks for using one. */
export interface Kms {
  readonly keys: readonly KmsKey[];
  /** Adds a customer managed key whose key policy leaves the decision to IAM, as the console's default does. */
  addKey(options?: { alias?: string; state?: KmsKey['state'] }): KmsKey;
  /**
   * Checks that the caller may use a key through a service, as the service does on the caller's behalf.
   *
   * @throws AwsError the error of `unusable` for an unknown or disabled key, `AccessDeniedException`
   */
  use(options: {
    actions: readonly string[];
    keyId: string;
    service: string;
    encryptionContext: Readonly<Record<string, string>>;
    unusable: string;
    call: OperationCall;
  }): KmsKey;
}

/**
 * Makes the key store with the two AWS managed keys.
 *
 * The policy of an AWS managed key lets every principal of the account use it through its service; a customer
 * managed key needs `kms:*` actions in the principal's own policies.
 *
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
 */
export function createKms(place: Place): Kms {
  const keys: KmsKey[] = ['ssm', 'secretsmanager'].map((service) => ({
    arn: keyArn(place),
    alias: `alias/aws/${service}`,
    managedBy: 'aws',
    state: 'Enabled',
    policy: managedKeyPolicy(place, service),
  }));
  return {
    keys,
    addKey({ alias, state = 'Enabled' } = {}) {
      const key: KmsKey = {
        arn: keyArn(place),
        ...(alias ? { alias } : {}),
        state,
        policy: defaultKeyPolicy(place),
      };
      keys.push(key);
      return key;
    },
    use({ actions, keyId, service, encryptionContext, unusable, call }) {
      const key = keys.find((candidate) => names(place, candidate).includes(keyId));
      if (!key) {
        const missing = keyId.includes('alias/')
          ? `Alias ${keyId} is not found.`
          : `Key '${keyId}' does not exist`;
        throw new AwsError(
          unusable,
          `${missing} (Service: AWSKMS; Status Code: 400; Error Code: NotFoundException)`,
        );
      }
      const context: Record<string, string> = {
        'kms:ViaService': `${service}.${place.region}.amazonaws.com`,
        'kms:CallerAccount': place.accountId,
      };
      for (const [name, value] of Object.entries(encryptionContext)) {
        context[`kms:EncryptionContext:${name}`] = value;
      }
      for (const action of actions) {
        call.authorize({
          action,
          resource: key.arn,
          context,
          resourcePolicy: key.policy,
          implied: key.managedBy === 'aws',
        });
      }
      if (key.state !== 'Enabled') {
        const reason =
          key.state === 'Disabled'
            ? `${key.arn} is disabled. (Service: AWSKMS; Status Code: 400; Error Code: DisabledException)`
            : `${key.arn} is pending deletion. (Service: AWSKMS; Status Code: 400; Error Code: KMSInvalidStateException)`;
        throw new AwsError(unusable, reason);
      }
      return key;
    },
  };
}

function keyArn(place: Place): string {
  return `arn:aws:kms:${place.region}:${place.accountId}:key/${randomUUID()}`;
}

function names(place: Place, key: KmsKey): string[] {
  const id = key.arn.slice(key.arn.indexOf(':key/') + ':key/'.length);
  const aliases = key.alias ? [key.alias, `arn:aws:kms:${place.region}:${place.accountId}:${key.alias}`] : [];
  return [key.arn, id, ...aliases];
}

function defaultKeyPolicy(place: Place): JsonObject {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${place.accountId}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  };
}

function managedKeyPolicy(place: Place, service: string): JsonObject {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
        Resource: '*',
        Condition: {
          StringEquals: {
            'kms:CallerAccount': place.accountId,
            'kms:ViaService': `${service}.${place.region}.amazonaws.com`,
          },
        },
      },
    ],
  };
}
