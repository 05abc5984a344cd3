/** Waits between two attempts. */
export type Pause = (ms: number) => Promise<unknown>;

/** AWS's errors that end by themselves: IAM propagates a new policy within seconds, and a running beat ends. */
const RETRYABLE = [
  'AccessDeniedException',
  'TooManyRequestsException',
  'ResourceConflictException',
  'ServiceException',
];

const RETRY_INTERVAL_MS = 3_000;

/** A minute. With two slow invocations of the refresher it is still below the deployment function's time limit. */
const ATTEMPTS = 20;

/**
 * Repeats a call while AWS denies it: the permission may be new.
 *
 * @throws the error of the call: at once, or for the last time after a minute
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
 */
export async function retry<T>(pause: Pause, call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!RETRYABLE.includes((error as Error).name) || attempt === ATTEMPTS) throw error;
      await pause(RETRY_INTERVAL_MS);
    }
  }
}
