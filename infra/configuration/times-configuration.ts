import { Duration } from 'aws-cdk-lib';
import {
  DEFAULT_ASSUMED_LIFETIME_MS,
  DEFAULT_REFRESH_INTERVAL_MS,
  MAX_LIFETIME_MS,
  PROVIDERS,
  type ProviderSettings,
} from '../../lambda/contract.ts';
import { longestJobProblem } from '../construct/longest-job.ts';
import { marginProblem, timeLimits } from '../construct/times.ts';
import type { Fields } from './fields.ts';

const MAX_LIFETIME_MINUTES = MAX_LIFETIME_MS / 60_000;

/** Reads interval, lifetimes and longest job, in minutes, and notes where they cannot go together. */
export function readTimes(fields: Fields, provider: ProviderSettings | undefined) {
  const name = provider?.provider ?? 'oauth2';
  const limits = timeLimits(name);
  const read = (key: keyof typeof limits) =>
    fields.wholeNumber(key, 'minutes', limits[key].leastMs / 60_000, limits[key].greatestMs / 60_000);
  const intervalMinutes = read('refreshInterval');
  const lifetimeMinutes = read('expectedLifetime') ?? PROVIDERS[name].defaultLifetimeMinutes;
  const assumedMinutes = read('assumedLifetime') ?? DEFAULT_ASSUMED_LIFETIME_MS / 60_000;
  const jobMinutes = fields.wholeNumber('longestJob', 'minutes', 1, MAX_LIFETIME_MINUTES);
  const lifetimeMs = lifetimeMinutes * 60_000;
  const intervalMs = intervalMinutes === undefined ? DEFAULT_REFRESH_INTERVAL_MS : intervalMinutes * 60_000;
  const noMargin = marginProblem(lifetimeMs, intervalMs);
  if (noMargin !== undefined) fields.problem('expectedLifetime', noMargin);
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
