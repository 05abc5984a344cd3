import type { Random } from './random.ts';

/**
 * Lengths, in minutes, of incidents that identity providers published with start and end: Auth0's post-mortems
 * (status.auth0.com and auth0.statuspage.io, incidents mdvjz43ydzb9, 4386qbgrzr8d with two, 8f8bwksy4rwq with two,
 * rb4z1181bd4z, w9w498gx65zg, j6p14hm4yfzh, tf6886gf5htv, b6jwvpxb300t), apicontext.com's measurement of Auth0's
 * outage of 2022-06-21, and RSA SecurID's yht0rxcc2vrp. Genesys and NICE publish no such list that we could read.
 */
export const PUBLISHED_INCIDENT_MINUTES = [76, 50, 38, 14, 30, 95, 41, 26, 307, 255, 52, 30];

/** The log-normal distribution that fits the published lengths: its median and the deviation of the logarithm. */
export const INCIDENT_SHAPE = fitLogNormal(PUBLISHED_INCIDENT_MINUTES);

/** Short outages are not published: we assume their number and length, a few seconds to a few minutes. */
export const BLIPS_A_YEAR = 120;
const BLIP_MEDIAN_SECONDS = 45;
const BLIP_DEVIATION = 1.1;

/** Incidents of published size a year that one token endpoint in one region sees: our assumption, on the high side. */
export const INCIDENTS_A_YEAR = 8;

/** Draws the length of an incident of published size, in milliseconds. */
export function drawIncidentMs(random: Random): number {
  const minutes = INCIDENT_SHAPE.medianMinutes * Math.exp(INCIDENT_SHAPE.deviation * random.normal());
  return Math.min(minutes, 12 * 60) * 60_000;
}

/** Draws the length of a short outage, in milliseconds. */
export function drawBlipMs(random: Random): number {
  return Math.max(2, BLIP_MEDIAN_SECONDS * Math.exp(BLIP_DEVIATION * random.normal())) * 1_000;
}

function fitLogNormal(minutes: readonly number[]): {
  readonly medianMinutes: number;
  readonly deviation: number;
} {
  const logs = minutes.map(Math.log);
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  return { medianMinutes: Math.exp(mean), deviation: Math.sqrt(variance) };
}
