import { AwsError } from './aws-error.ts';
import { requiredString } from './input.ts';
import type { JsonObject, OperationCall, Place } from './operation.ts';
import { findSecret, type Secret, type SecretStore, unresolvedArn } from './secret-store.ts';

/** Finds the secret of a request after checking the permission for it. */
export type SecretAccess = (
  action: string,
  input: JsonObject,
  call: OperationCall,
  options?: { context?: Record<string, string>; evenIfDeleted?: boolean; stale?: boolean },
) => Secret;

/**
 * Makes the function with which each operation finds its secret.
 *
 * It throws `ResourceNotFoundException`, or `InvalidRequestException` for a secret that is marked for deletion.
 */
export function createSecretAccess(place: Place, store: SecretStore): SecretAccess {
  return (action, input, call, options = {}) => {
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
}
