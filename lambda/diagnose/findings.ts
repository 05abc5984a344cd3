import { greatestLongestJobMs, guarantee, type RefreshTimes } from '../contract.ts';
import type { MintedToken } from '../mint/minter.ts';
import { CLOCK_TOLERANCE_MS } from '../refresh/clock.ts';
import type { Reading } from '../refresh/parameters.ts';
import { describedToken } from '../refresh/planner.ts';
import type { Finding } from './step.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const SECRET_AGE_LIMIT_DAYS = 90;

export function describeAge(createdAt: Date | undefined, now: Date): Finding {
  if (createdAt === undefined) return {};
  const days = Math.max(0, Math.floor((now.getTime() - createdAt.getTime()) / DAY_MS));
  const message = `The secret was stored ${days} days ago.`;
  if (days < SECRET_AGE_LIMIT_DAYS) return { message };
  return {
    message,
    warning: `The client secret was stored ${days} days ago: replace it every ${SECRET_AGE_LIMIT_DAYS} days.`,
    fault: 'secret',
  };
}

export function describeToken(token: MintedToken, times: RefreshTimes): Finding {
  const lifetimeMs = token.expiresAt.getTime() - token.issuedAt.getTime();
  const message = `The token endpoint returned a token that lives ${Math.floor(lifetimeMs / 1000)} s.`;
  const warnings = [...token.warnings, ...unkeptJob(lifetimeMs, times)];
  if (warnings.length === 0) return { message };
  const fault = token.secretStage === 'AWSCURRENT' ? 'token endpoint' : 'secret';
  return { message, warning: warnings.join(' '), fault };
}

function unkeptJob(lifetimeMs: number, times: RefreshTimes): string[] {
  if (times.longestJobMs === undefined || guarantee(lifetimeMs, times).job !== null) return [];
  const longest = Number((times.longestJobMs / MINUTE_MS).toFixed(1));
  const greatest = Math.floor(greatestLongestJobMs(lifetimeMs) / MINUTE_MS);
  const remedy = greatest < 1 ? 'remove longestJob' : `lower longestJob to ${greatest} minutes`;
  return [
    `This is too short for jobs of ${longest} minutes (longestJob): they may outlive their token. Let the tokens live longer at the provider, or ${remedy}.`,
  ];
}

/** Names only scopes that were requested. @see RFC 6749 section 3.3 */
export function compareScope(requested: string | undefined, { grantedScope }: MintedToken): Finding {
  if (requested === undefined) return { message: 'No scope was requested.' };
  if (grantedScope === undefined) {
    return { message: 'The server names no scope: it granted every requested scope (RFC 6749 section 5.1).' };
  }
  const granted = new Set(grantedScope.split(' '));
  const missing = requested.split(' ').filter((scope) => scope !== '' && !granted.has(scope));
  if (missing.length === 0) return { message: 'The server granted every requested scope.' };
  return {
    warning: `The server did not grant: ${missing.join(' ')}. Allow the client these scopes at the provider.`,
    fault: 'token endpoint',
  };
}

/** Its warnings have no `fault`: they follow from the other steps. */
export function describeReading(reading: Reading, now: Date): Finding {
  if (reading.tokenVersion === null) {
    return { warning: 'No token is stored yet: the next invocation mints one, once the steps above are ok.' };
  }
  const token = describedToken(reading);
  if (token === null) {
    return {
      warning: 'The status does not describe the stored token: the next invocation writes both again.',
    };
  }
  const seconds = Math.floor((token.expiresAt.getTime() - now.getTime()) / 1000);
  const message = `Version ${token.version} is stored, ${seconds} s are left.`;
  const failure = reading.status?.lastFailure ?? null;
  if (seconds <= 0) return { message, warning: 'The stored token has expired.' };
  if (failure === null) return { message };
  if (failure.code !== 'PARAMETER_NOT_WRITTEN') {
    return { message, warning: `The last mint failed: ${failure.code}.` };
  }
  // The only failure that no step finds again: a diagnosis stores nothing.
  const warning =
    'The last token could not be stored (PARAMETER_NOT_WRITTEN). Invoke the function with {"force":true} to see why, and check its permissions and the policy of the KMS key.';
  return { message, warning, fault: 'SSM' };
}

/** The finding of parameters whose token was due, so that this invocation replaced it first. */
export function describeReplacement(finding: Finding, before: Reading | undefined, reason: string): Finding {
  if (before !== undefined && before.tokenVersion === null) {
    const isFirst = (before.status?.token ?? null) === null;
    const why = isFirst ? 'There was none' : 'Somebody had deleted it';
    return {
      ...finding,
      warning: `No token was stored. ${why}. This invocation has stored one; if that was more than two minutes ago, nobody invokes the function: check that its schedule is enabled.`,
    };
  }
  return {
    ...finding,
    message: `${finding.message ?? ''} This invocation replaced it first (${reason}).`.trim(),
  };
}

export function describeClock(awsTime: Date | undefined, differenceMs: number): Finding {
  if (awsTime === undefined) {
    return {
      warning: 'AWS’s response had no Date header, so that the clock was not checked.',
      fault: 'clock',
    };
  }
  const seconds = Math.round(-differenceMs / 1000);
  // Not -0.
  const message = `The function's clock differs from AWS's by ${seconds + 0} s.`;
  if (Math.abs(differenceMs) <= CLOCK_TOLERANCE_MS) return { message };
  return {
    message,
    warning: "The function's clock is wrong. The function uses AWS's time instead.",
    fault: 'clock',
  };
}
