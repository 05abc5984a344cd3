import { isDeepStrictEqual } from 'node:util';
import { isRefreshError } from '../errors.ts';
import type { Credentials } from '../providers/provider.ts';
import type { SecretStage } from './secret.ts';

/** The other versions of the secret that may have the credentials during a rotation. */
const OTHER_STAGES: readonly SecretStage[] = ['AWSPENDING', 'AWSPREVIOUS'];

/**
 * Requests a token with the current version of the secret. If the server refuses those credentials, tries each other
 * version once. If all fail, the error is the one of the current version.
 *
 * @throws RefreshError
 */
export async function tryStages<T>(
  readCredentials: (stage: SecretStage) => Promise<Credentials>,
  ask: (credentials: Credentials) => Promise<T>,
): Promise<{ readonly answer: T; readonly stage: SecretStage }> {
  // A malformed current secret must be reported: the older version would stop working soon.
  const current = await readCredentials('AWSCURRENT');
  try {
    return { answer: await ask(current), stage: 'AWSCURRENT' };
  } catch (error) {
    if (!isRefreshError(error) || !error.credentialsRefused) throw error;
    const tried: Credentials[] = [current];
    for (const stage of OTHER_STAGES) {
      try {
        const other = await readCredentials(stage);
        if (tried.some((one) => isDeepStrictEqual(one, other))) continue;
        tried.push(other);
        return { answer: await ask(other), stage };
      } catch (failure) {
        // Another version that is missing or unusable is ignored: the first refusal is the error to report.
        if (!isRefreshError(failure)) throw failure;
      }
    }
    throw error;
  }
}
