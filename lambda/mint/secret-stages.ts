import { isRefreshError } from '../errors.ts';
import type { Credentials } from '../providers/provider.ts';
import { sameCredentials } from './credentials.ts';
import type { SecretStage } from './secret.ts';

/** Where else the credentials may be while a rotation is in flight. */
const OTHER_STAGES: readonly SecretStage[] = ['AWSPENDING', 'AWSPREVIOUS'];

/**
 * Asks with the current version of the secret and, where the server refuses those credentials, once with each other
 * version. What the current one met is the error that is reported.
 *
 * @throws RefreshError
 */
export async function tryStages<T>(
  readCredentials: (stage: SecretStage) => Promise<Credentials>,
  ask: (credentials: Credentials) => Promise<T>,
): Promise<{ readonly answer: T; readonly stage: SecretStage }> {
  // A malformed current secret is not passed over in silence: the older one that would be used dies soon.
  const current = await readCredentials('AWSCURRENT');
  try {
    return { answer: await ask(current), stage: 'AWSCURRENT' };
  } catch (error) {
    if (!isRefreshError(error) || !error.credentialsRefused) throw error;
    const tried: Credentials[] = [current];
    for (const stage of OTHER_STAGES) {
      const other = await unlessUnusable(() => readCredentials(stage));
      if (other === undefined || tried.some((one) => sameCredentials(one, other))) continue;
      tried.push(other);
      const answer = await unlessUnusable(() => ask(other));
      if (answer !== undefined) return { answer, stage };
    }
    throw error;
  }
}

/** Another version that is not there or cannot be used changes nothing: the first refusal is what to report. */
async function unlessUnusable<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isRefreshError(error)) return undefined;
    throw error;
  }
}
