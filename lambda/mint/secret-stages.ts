import { isDeepStrictEqual } from 'node:util';
import { isRefreshError } from '../errors.ts';
import type { Credentials } from '../providers/provider.ts';
import type { SecretStage } from './secret.ts';

/** The other versions of the secret that may have the credentials during a rotation. */
const OTHER_STAGES: readonly SecretStage[] = ['AWSPENDING', 'AWSPREVIOUS'];

/** A version of the secret. */
interface Version {
  readonly credentials: Credentials;
  readonly createdAt: Date | undefined;
}

/**
 * Requests a token with the current version of the secret. If the server refuses those credentials, tries each other
 * version once. If all fail, the error is the one of the current version.
 *
 * @throws RefreshError
 */
export async function tryStages<T>(
  readVersion: (stage: SecretStage) => Promise<Version>,
  ask: (credentials: Credentials) => Promise<T>,
): Promise<{ readonly answer: T; readonly stage: SecretStage; readonly createdAt: Date | undefined }> {
  // A malformed current secret must be reported: the older version would stop working soon.
  const { credentials: current, createdAt } = await readVersion('AWSCURRENT');
  try {
    return { answer: await ask(current), stage: 'AWSCURRENT', createdAt };
  } catch (error) {
    if (!isRefreshError(error) || !error.credentialsRefused) throw error;
    const tried: Credentials[] = [current];
    for (const stage of OTHER_STAGES) {
      try {
        const other = await readVersion(stage);
        if (tried.some((one) => isDeepStrictEqual(one, other.credentials))) continue;
        tried.push(other.credentials);
        return { answer: await ask(other.credentials), stage, createdAt: other.createdAt };
      } catch (failure) {
        // Another version that is missing or unusable is ignored: the first refusal is the error to report.
        if (!isRefreshError(failure)) throw failure;
      }
    }
    throw error;
  }
}
