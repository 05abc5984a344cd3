import { createHash } from 'node:crypto';
import { describeProvider, type ProviderSettings } from './contract.ts';

/** Hex digits: 64 bits of a SHA-256. */
const SOURCE_LENGTH = 16;

/**
 * Identifies where a token comes from: 16 hex digits of the SHA-256 of the token endpoint or issuer, of grant, scope,
 * audience, resource and parameters, and of the secret's ARN without its six-character suffix, so that a secret that
 * was deleted and created again gives the same hash. Equivalent spellings give the same hash.
 */
export function sourceOf(settings: ProviderSettings, secretArn: string): string {
  const { endpoint, parameters } = describeProvider(settings).source;
  const canonical = {
    endpoint:
      endpoint.issuer !== undefined
        ? { issuer: canonicalUrl(endpoint.issuer).replace(/\/$/, '') }
        : { url: canonicalUrl(endpoint.url) },
    parameters: parameters.map(canonicalParameter).sort(),
    // A name has no such suffix, but may end like one: "oauth-client".
    secret: secretArn.replace(/^(arn:.*)-[A-Za-z0-9]{6}$/, '$1'),
  };
  return createHash('sha256').update(JSON.stringify(canonical)).digest('hex').slice(0, SOURCE_LENGTH);
}

/** RFC 6749 section 3.3: the order of scopes does not matter. */
function canonicalParameter([name, value]: readonly [string, string]): string {
  const canonical = name === 'scope' ? value.split(' ').filter(Boolean).sort().join(' ') : value;
  return JSON.stringify([name, canonical]);
}

/** The host in lower case, and no default port. */
function canonicalUrl(text: string): string {
  return URL.canParse(text) ? new URL(text).href : text;
}
