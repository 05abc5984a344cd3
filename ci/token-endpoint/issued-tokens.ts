import { createHash } from 'node:crypto';

/** The access tokens that this process gave to its job. The gateway forwards no others. */
export interface IssuedTokens {
  add(accessToken: string): void;
  has(accessToken: string): boolean;
}

/** Starts empty. Only hashes are kept, so that no expired token stays in memory. */
export function createIssuedTokens(): IssuedTokens {
  const hashes = new Set<string>();
  const hash = (text: string): string => createHash('sha256').update(text).digest('base64');
  return {
    add: (accessToken) => {
      hashes.add(hash(accessToken));
    },
    has: (accessToken) => hashes.has(hash(accessToken)),
  };
}
