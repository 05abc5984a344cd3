import {
  BEAT_MS,
  DEFAULT_REFRESH_INTERVAL_MS,
  greatestLongestJobMs,
  guarantee,
  MINT_TIME_LIMIT_MS,
} from '../../lambda/contract.ts';
import { durationText } from './duration-text.ts';
import { show } from './messages.ts';
import type { Problem } from './rule.ts';

const MINUTE_MS = 60_000;

/** Lambda's limit. */
const FUNCTION_NAME_LENGTH = 64;

/**
 * The name under which `ci/access-token` looks for a token's function: `/ci` and `genesys` make
 * `token-refresher-ci-genesys`.
 */
export function functionNameOf(prefix: string, tokenName: string): string {
  return `token-refresher${`${prefix}/${tokenName}`.split('/').join('-')}`;
}

/** The problem of a name and a prefix that make too long a function name. */
export function functionNameProblem(prefix: string, tokenName: string): string | undefined {
  const name = functionNameOf(prefix, tokenName);
  if (name.length <= FUNCTION_NAME_LENGTH) return undefined;
  return `${show(tokenName)} makes the function name "${name}" of ${name.length} characters; Lambda's limit is ${FUNCTION_NAME_LENGTH}: shorten name or prefix`;
}

/** A token's times in milliseconds. */
export interface Times {
  readonly lifetimeMs: number;
  readonly refreshIntervalMs?: number | undefined;
  readonly longestJobMs?: number | undefined;
}

/** Problems of times that do not go together: tokens would reach a reader expired, or are too short for the longest job. */
export function timeProblems({ lifetimeMs, refreshIntervalMs, longestJobMs }: Times): Problem[] {
  const noMargin = marginProblem(lifetimeMs, refreshIntervalMs ?? DEFAULT_REFRESH_INTERVAL_MS);
  const tooLong = longestJobMs === undefined ? undefined : longestJobProblem(longestJobMs, lifetimeMs);
  return [
    ...(noMargin === undefined ? [] : [{ path: 'expectedLifetime', message: noMargin }]),
    ...(tooLong === undefined ? [] : [{ path: 'longestJob', message: tooLong }]),
  ];
}

function marginProblem(lifetimeMs: number, refreshIntervalMs: number): string | undefined {
  const { floorMs, refreshAfterMs } = guarantee(lifetimeMs, { refreshIntervalMs });
  if (floorMs > 0) return undefined;
  const longest = Math.floor((lifetimeMs - BEAT_MS - MINT_TIME_LIMIT_MS - 1) / MINUTE_MS);
  const remedy = longest >= 1 ? `set refreshInterval to ${longest} or less, or let` : 'let';
  const lifetime = Number((lifetimeMs / MINUTE_MS).toFixed(1));
  const seconds = Math.round(refreshAfterMs / 1000);
  return `${lifetime} minutes leave no margin with a refresh after ${seconds} seconds; ${remedy} the tokens live longer`;
}

function longestJobProblem(longestJobMs: number, lifetimeMs: number): string | undefined {
  const greatestMs = greatestLongestJobMs(lifetimeMs);
  if (longestJobMs <= greatestMs) return undefined;
  const lifetime = settingText(lifetimeMs);
  if (greatestMs < MINUTE_MS) {
    return `tokens of ${lifetime} are too short for any longestJob; let the tokens live longer (expectedLifetime), or remove longestJob`;
  }
  return `${settingText(longestJobMs)} are more than the ${settingText(greatestMs)} that are possible with tokens of ${lifetime}; let the tokens live longer (expectedLifetime), or remove longestJob and let the job request the time that it needs (access-token --min-ttl)`;
}

/** In minutes, as in the configuration, if they are whole. */
function settingText(ms: number): string {
  return ms % MINUTE_MS === 0 ? `${ms / MINUTE_MS} minutes` : durationText(ms);
}

/**
 * The problem of a region without FIPS endpoints.
 *
 * @see https://aws.amazon.com/compliance/fips/
 */
export function fipsProblem(region: string): string | undefined {
  if (/^(us|ca)-/.test(region)) return undefined;
  return `${region} has none: AWS has FIPS endpoints in regions of the USA and Canada only; remove it, or deploy there`;
}

/** The problem of rotations that follow each other faster than tokens expire: a job's token could end with its client's secret. */
export function rotationProblem(everyDays: number, lifetimeMs: number): string | undefined {
  const days = lifetimeMs / (24 * 60 * MINUTE_MS);
  if (everyDays >= days) return undefined;
  return `${everyDays} is less than the ${Number(days.toFixed(1))} days that tokens live (expectedLifetime): the next rotation may end a token that a job still uses; set it to ${Math.ceil(days)} or more`;
}
