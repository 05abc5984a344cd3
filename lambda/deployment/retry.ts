import { errorLabel } from '../errors.ts';
import { isTransient } from '../transient.ts';

/** Waits between two attempts. */
export type Pause = (ms: number) => Promise<unknown>;

/** On average. The pauses differ, so that the resources of many tokens do not all come back together. */
const RETRY_INTERVAL_MS = 3_000;

/** A minute. With two slow invocations of the refresher it is still below the deployment function's time limit. */
const ATTEMPTS = 20;

/**
 * Repeats a call while AWS denies it, because the permission may be new: IAM propagates a policy within seconds. And while
 * its failure is one that ends by itself.
 *
 * @throws the error of the call: at once, or for the last time after a minute
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
 */
export async function retry<T>(pause: Pause, call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const mayPass = errorLabel(error) === 'AccessDeniedException' || isTransient(error);
      if (!mayPass || attempt === ATTEMPTS) throw error;
      await pause(RETRY_INTERVAL_MS * (0.5 + Math.random()));
    }
  }
}
