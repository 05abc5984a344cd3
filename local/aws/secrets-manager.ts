import { AwsError } from './aws-error.ts';
import { flag, optionalInteger } from './input.ts';
import type { Kms } from './kms.ts';
import type { Operation, Place } from './operation.ts';
import { createSecretAccess } from './secret-access.ts';
import { createSecretStore, type Secret } from './secret-store.ts';
import { createSecretReads } from './secrets-manager-read.ts';
import { createSecretWrites, type SecretLabelUpdatedEvent } from './secrets-manager-write.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** Secrets Manager: its state for tests to look at, its events, and its operations for the wire. */
export interface SecretsManager {
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly operations: Readonly<Record<string, Operation>>;
  /** Calls the listener for each `Secret Label Updated` event; the result takes the listener off again. */
  onSecretLabelUpdated(listener: (event: SecretLabelUpdatedEvent) => void): () => void;
}

/** Makes an empty Secrets Manager. */
export function createSecretsManager(place: Place, kms: Kms): SecretsManager {
  const store = createSecretStore(place);
  const listeners = new Set<(event: SecretLabelUpdatedEvent) => void>();

  const access = createSecretAccess(place, store);

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
