import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Client id and secret for COMMAND: random, valid for one job. */
export interface JobCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Tells whether both are this job's, in constant time. */
  matches(clientId: string, clientSecret: string): boolean;
}

/** Makes them. Hexadecimal, so that neither a form nor a Basic header must escape them. */
export function createJobCredentials(): JobCredentials {
  const clientId = randomBytes(16).toString('hex');
  const clientSecret = randomBytes(32).toString('hex');
  const expected = digest(clientId, clientSecret);
  return {
    clientId,
    clientSecret,
    matches: (id, secret) => timingSafeEqual(digest(id, secret), expected),
  };
}

function digest(clientId: string, clientSecret: string): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([clientId, clientSecret]))
    .digest();
}
