import { AwsError } from './aws-error.ts';
import { flag, optionalInteger, requiredString } from './input.ts';
import type { Kms } from './kms.ts';
import type { JsonObject, Operation, OperationCall, Place } from './operation.ts';
import { createSecretStore, findSecret, type Secret, unresolvedArn } from './secret-store.ts';
import { createSecretReads } from './secrets-manager-read.ts';
import { createSecretWrites } from './secrets-manager-write.ts';

const dayMs = 24 * 60 * 60 * 1000;

/**
 * The event that Secrets Manager itself sends to EventBridge when a label moves.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
 */
export interface SecretLabelUpdatedEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': 'Secret Label Updated';
  readonly source: 'aws.secretsmanager';
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: { readonly name: string; readonly labelUpdated: string; readonly versionId: string };
}

/** Secrets Manager: its state for tests to look at, its events, and its operations for the wire. */
export interface SecretsManager {
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly operations: Readonly<Record<string, Operation>>;
  /** Calls the listener for each `Secret Label Updated` event; the result takes the listener off again. */
  onSecretLabelUpdated(listener: (event: SecretLabelUpdatedEvent) => void): () => void;
}

/** Finds the secret of a request after checking the permission for it. */
export type SecretAccess = (
  action: string,
  input: JsonObject,
  call: OperationCall,
  options?: { context?: Record<string, string>; evenIfDeleted?: boolean; stale?: boolean },
) => Secret;

/** Makes an empty Secrets Manager. */
export function createSecretsManager(place: Place, kms: Kms): SecretsManager {
  const store = createSecretStore(place);
  const listeners = new Set<(event: SecretLabelUpdatedEvent) => void>();

  const access: SecretAccess = (action, input, call, options = {}) => {
    const secretId = requiredString(input, 'SecretId');
    const found = findSecret(store.view({ stale: options.stale ?? false }), secretId);
    call.authorize({
      action: `secretsmanager:${action}`,
      resource: found?.arn ?? unresolvedArn(place, secretId),
      context: { 'secretsmanager:SecretId': secretId, ...options.context },
    });
    if (!found) {
      throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    if (found.deletedDate && !options.evenIfDeleted) {
      throw new AwsError(
        'InvalidRequestException',
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    }
    return found;
  };

  return {
    get secrets() {
      return store.secrets;
    },
    onSecretLabelUpdated(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    operations: {
      ...createSecretReads({ store, kms, access }),
      ...createSecretWrites({
        store,
        kms,
        access,
        emit: (event) => {
          for (const listener of listeners) listener(event);
        },
      }),
      DeleteSecret(input, call) {
        const secret = access('DeleteSecret', input, call, { evenIfDeleted: true });
        const days = optionalInteger(input, 'RecoveryWindowInDays') ?? 30;
        const force = flag(input, 'ForceDeleteWithoutRecovery');
        if (days < 7 || days > 30) {
          throw new AwsError(
            'InvalidParameterException',
            'The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).',
          );
        }
        const deletionDate = force ? call.now : new Date(call.now.getTime() + days * dayMs);
        if (force) store.remove(secret.name);
        else store.set({ ...secret, deletedDate: deletionDate });
        return { ARN: secret.arn, Name: secret.name, DeletionDate: deletionDate.getTime() / 1000 };
      },
      RestoreSecret(input, call) {
        const { deletedDate: _, ...secret } = access('RestoreSecret', input, call, { evenIfDeleted: true });
        store.set({ ...secret, lastChangedDate: call.now });
        return { ARN: secret.arn, Name: secret.name };
      },
    },
  };
}
