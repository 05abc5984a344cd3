import { createHash } from 'node:crypto';
import type { ProviderSettings } from './contract.ts';

/** The digits of a source: 64 bits of a SHA-256. */
const SOURCE_LENGTH = 16;

/** Settings that say how to ask or prove, not which token is asked for. */
const NOT_OF_THE_SOURCE: ReadonlySet<string> = new Set(['probeUrl', 'clientAuthentication']);

/**
 * Names where a token comes from: 16 hex digits of the SHA-256 of the token endpoint, grant, scope, audience, resource
 * and parameters (the provider's settings that decide those) and of the secret's ARN without its six-character suffix,
 * so that a secret that was deleted and made again is the same one. A spelling that means the same gives the same hash.
 */
export function sourceOf(settings: ProviderSettings, secretArn: string): string {
  const canonical = Object.entries(settings)
    .filter(([name, value]) => value !== undefined && !NOT_OF_THE_SOURCE.has(name))
    .map(([name, value]): [string, unknown] => [name, canonicalValue(name, value)])
    .sort(byName);
  const secret = secretArn.replace(/-[A-Za-z0-9]{6}$/, '');
  return createHash('sha256')
    .update(JSON.stringify([canonical, secret]))
    .digest('hex')
    .slice(0, SOURCE_LENGTH);
}

function canonicalValue(name: string, value: unknown): unknown {
  switch (name) {
    case 'tokenUrl':
      return canonicalUrl(String(value));
    case 'issuer':
      return canonicalUrl(String(value)).replace(/\/$/, '');
    case 'domain':
      return canonicalUrl(`https://${value}`);
    case 'scope':
      // RFC 6749 section 3.3: the order of scopes does not matter.
      return String(value).split(' ').filter(Boolean).sort();
    case 'resource':
      return [value].flat().sort();
    case 'parameters':
      return Object.entries(value as object).sort(byName);
    default:
      return value;
  }
}

/** The host in lower case, and no default port. */
function canonicalUrl(text: string): string {
  return URL.canParse(text) ? new URL(text).href : text;
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}
