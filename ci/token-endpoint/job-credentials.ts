import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Client id and secret that COMMAND gets: random, good for one job. */
export interface JobCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Tells whether both are this job's, in a time that says nothing about them. */
  matches(clientId: string, clientSecret: string): boolean;
}

/** Makes them. Hexadecimal: nothing in them that a form or a Basic header would have to escape. */
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
