import { greatestLongestJobMs } from '../../lambda/contract.ts';
import { durationText } from './duration-text.ts';

const MINUTE_MS = 60_000;

/**
 * Tells why tokens of this lifetime are too short for a longest job, and the greatest that is possible. Undefined if
 * they are long enough. `cdk.json` and code get the same check.
 */
export function longestJobProblem(longestJobMs: number, lifetimeMs: number): string | undefined {
  const greatestMs = greatestLongestJobMs(lifetimeMs);
  if (longestJobMs >= MINUTE_MS && longestJobMs <= greatestMs) return undefined;
  const lifetime = settingText(lifetimeMs);
  if (greatestMs < MINUTE_MS) {
    return `tokens of ${lifetime} are too short for any longestJob; let the tokens live longer (expectedLifetime), or remove longestJob`;
  }
  if (longestJobMs < MINUTE_MS) return `${settingText(longestJobMs)} is less than a minute`;
  return `${settingText(longestJobMs)} are more than the ${settingText(greatestMs)} that are possible with tokens of ${lifetime}; let the tokens live longer (expectedLifetime), or remove longestJob and let the job request the time that it needs (access-token --min-ttl)`;
}

/** In minutes, as in `cdk.json`, if they are whole. */
function settingText(ms: number): string {
  return ms % MINUTE_MS === 0 && ms > 0 ? `${ms / MINUTE_MS} minutes` : durationText(ms);
}
