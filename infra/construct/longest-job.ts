import { greatestLongestJobMs } from '../../lambda/contract.ts';
import { durationText } from './duration-text.ts';

const MINUTE_MS = 60_000;

/**
 * Tells why tokens of this lifetime cannot keep a longest job, and the greatest that they can; undefined where they
 * can. The same for `cdk.json` and for code.
 */
export function longestJobProblem(longestJobMs: number, lifetimeMs: number): string | undefined {
  const greatestMs = greatestLongestJobMs(lifetimeMs);
  if (longestJobMs >= MINUTE_MS && longestJobMs <= greatestMs) return undefined;
  const lifetime = settingText(lifetimeMs);
  if (greatestMs < MINUTE_MS) {
    return `tokens of ${lifetime} can keep no job that reads once; let the tokens live longer (expectedLifetime), or remove longestJob`;
  }
  if (longestJobMs < MINUTE_MS) return `${settingText(longestJobMs)} is less than a minute`;
  return `${settingText(longestJobMs)} are more than the ${settingText(greatestMs)} that tokens of ${lifetime} can keep for a job that reads once; let the tokens live longer (expectedLifetime), or remove longestJob and let the job ask for the time it needs (access-token --min-ttl)`;
}

/** In minutes, as a person writes the setting, where they are whole. */
function settingText(ms: number): string {
  return ms % MINUTE_MS === 0 && ms > 0 ? `${ms / MINUTE_MS} minutes` : durationText(ms);
}
