import { randomUUID } from 'node:crypto';
import { AwsError } from './aws-error.ts';
import type { OperationCall, Place } from './operation.ts';

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
 * Makes the key store.
 *
 * The policy of an AWS managed key lets every principal of the account use it through its service; a customer
 * managed key needs `kms:*` actions in the principal's own policies.
 *
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
 */
export function createKms({ region, accountId }: Place) {
  const customerKeys = new Set<string>();
  const allow = (AWS: string) => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Resource: '*', Principal: { AWS }, Action: 'kms:*' }],
  });

  return {
    /** Adds a customer managed key. */
    addKey(): { readonly arn: string } {
      const arn = `arn:aws:kms:${region}:${accountId}:key/${randomUUID()}`;
      customerKeys.add(arn);
      return { arn };
    },
    /** Checks that the caller may use a key. @throws AwsError `AccessDeniedException`, or the error of `unusable` */
    use({ actions, keyId, service, encryptionContext, unusable, call }: KeyUse): void {
      const isManaged = keyId === `alias/aws/${service}`;
      if (!isManaged && !customerKeys.has(keyId)) {
        throw new AwsError(
          unusable,
          `Key '${keyId}' does not exist (Service: AWSKMS; Status Code: 400; Error Code: NotFoundException)`,
        );
      }
      const context: Record<string, string> = {
        'kms:ViaService': `${service}.${region}.amazonaws.com`,
        'kms:CallerAccount': accountId,
      };
      for (const [name, value] of Object.entries(encryptionContext))
        context[`kms:EncryptionContext:${name}`] = value;
      const resource = isManaged ? `arn:aws:kms:${region}:${accountId}:key/aws-${service}` : keyId;
      // A customer managed key leaves the decision to IAM, as the console's default does.
      const resourcePolicy = allow(isManaged ? '*' : `arn:aws:iam::${accountId}:root`);
      for (const action of actions) call.authorize({ action, resource, context, resourcePolicy });
    },
  };
}
