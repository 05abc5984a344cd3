import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What this process gave to its job: client id and secret, random and valid for one job, and access tokens. */
export interface JobCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Tells whether both are this job's, in constant time. */
  matches(clientId: string, clientSecret: string): boolean;
  /** Records a token that the job gets. */
  issue(accessToken: string): void;
  /** Tells whether the job got this token here. The gateway forwards no others. */
  isIssued(accessToken: string): boolean;
}

/** Makes them. Hexadecimal, so that neither a form nor a Basic header must escape them. */
export function createJobCredentials(): JobCredentials {
  const clientId = randomBytes(16).toString('hex');
  const clientSecret = randomBytes(32).toString('hex');
  const expected = digest(clientId, clientSecret);
  // Hashes, so that no expired token stays in memory.
  const issued = new Set<string>();
  return {
    clientId,
    clientSecret,
    matches: (id, secret) => timingSafeEqual(digest(id, secret), expected),
    issue: (accessToken) => {
      issued.add(digest(accessToken).toString('base64'));
    },
    isIssued: (accessToken) => issued.has(digest(accessToken).toString('base64')),
  };
}

function digest(...texts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(texts)).digest();
}
