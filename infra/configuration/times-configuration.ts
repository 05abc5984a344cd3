import { Duration } from 'aws-cdk-lib';
import {
  DEFAULT_ASSUMED_LIFETIME_MS,
  DEFAULT_REFRESH_INTERVAL_MS,
  guarantee,
  MAX_LIFETIME_MS,
  MINT_TIME_LIMIT_MS,
  PROVIDERS,
  type ProviderSettings,
} from '../../lambda/contract.ts';
import { longestJobProblem } from '../construct/longest-job.ts';
import type { Fields } from './fields.ts';

const MAX_LIFETIME_MINUTES = MAX_LIFETIME_MS / 60_000;

/** Reads interval, lifetimes and longest job, in minutes, and notes where they cannot go together. */
export function readTimes(fields: Fields, provider: ProviderSettings | undefined) {
  const { defaultLifetimeMinutes, leastLifetimeMinutes } = PROVIDERS[provider?.provider ?? 'oauth2'];
  const intervalMinutes = fields.wholeNumber('refreshInterval', 'minutes', 1, 1440);
  const lifetimeMinutes =
    fields.wholeNumber('expectedLifetime', 'minutes', leastLifetimeMinutes, MAX_LIFETIME_MINUTES) ??
    defaultLifetimeMinutes;
  const assumedMinutes =
    fields.wholeNumber('assumedLifetime', 'minutes', 2, MAX_LIFETIME_MINUTES) ??
    DEFAULT_ASSUMED_LIFETIME_MS / 60_000;
  const jobMinutes = fields.wholeNumber('longestJob', 'minutes', 1, MAX_LIFETIME_MINUTES);
  const lifetimeMs = lifetimeMinutes * 60_000;
  const promise = guarantee(lifetimeMs, {
    refreshIntervalMs: intervalMinutes === undefined ? DEFAULT_REFRESH_INTERVAL_MS : intervalMinutes * 60_000,
  });
  if (promise.floorMs === 0) {
    const longest = Math.floor((lifetimeMs - 60_000 - MINT_TIME_LIMIT_MS - 1) / 60_000);
    const remedy = longest >= 1 ? `set refreshInterval to ${longest} or less, or let` : 'let';
    fields.problem(
      'expectedLifetime',
      `${lifetimeMinutes} minutes leave no margin with a refresh after ${seconds(promise.refreshAfterMs)}; ${remedy} the tokens live longer`,
    );
  }
  const problem = jobMinutes === undefined ? undefined : longestJobProblem(jobMinutes * 60_000, lifetimeMs);
  if (problem !== undefined) fields.problem('longestJob', problem);
  return {
    refreshInterval: minutes(intervalMinutes),
    expectedLifetime: Duration.minutes(lifetimeMinutes),
    assumedLifetime: Duration.minutes(assumedMinutes),
    longestJob: minutes(jobMinutes),
  };
}

function minutes(value: number | undefined): Duration | undefined {
  return value === undefined ? undefined : Duration.minutes(value);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} seconds`;
}
