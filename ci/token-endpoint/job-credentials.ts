import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What this process gave to its job: client id and secret, random and valid for one job, and access tokens. */
export type JobCredentials = ReturnType<typeof createJobCredentials>;

/**
 * Makes them. Hexadecimal, so that neither a form nor a Basic header must escape them.
 *
 * @param options `ownBearer`: the job gets a bearer of this run for each token
 */
export function createJobCredentials({ ownBearer }: { readonly ownBearer: boolean }) {
  const clientId = randomBytes(16).toString('hex');
  const clientSecret = randomBytes(32).toString('hex');
  const bearer = ownBearer ? randomBytes(32).toString('hex') : undefined;
  const expected = digest(clientId, clientSecret);
  // Hashes, so that no expired token stays in memory.
  const issued = new Set<string>();
  return {
    clientId,
    clientSecret,
    /** Tells whether both are this job's, in constant time. */
    matches: (id: string, secret: string): boolean => timingSafeEqual(digest(id, secret), expected),
    /** Records what the job gets for a token, and returns it: the token itself, or the bearer of this run. */
    issue: (accessToken: string): string => {
      const given = bearer ?? accessToken;
      issued.add(digest(given).toString('base64'));
      return given;
    },
    /** Tells whether the job got this bearer here. The gateway forwards no others. */
    isIssued: (accessToken: string): boolean => issued.has(digest(accessToken).toString('base64')),
  };
}

function digest(...texts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(texts)).digest();
}
