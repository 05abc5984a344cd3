import type { ClientAuthentication, ProviderName, ProviderSettings } from '../../lambda/contract.ts';
import { type Fields, show } from './fields.ts';
import { GENESYS_DOMAINS } from './genesys-regions.ts';

const PROVIDERS: readonly ProviderName[] = ['genesys-cloud', 'nice-cxone', 'nice-cxone-access-key', 'oauth2'];

const CLIENT_AUTHENTICATIONS: readonly ClientAuthentication[] = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
];

/** The issuer of CXone's commercial cloud. */
const CXONE_ISSUER = 'https://cxone.niceincontact.com';

const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const PORT = '(:\\d{1,5})?';
const DOMAIN = new RegExp(`^(((${LABEL}\\.)+${LABEL})|localhost)${PORT}$`);
const CXONE_AREA = /^[a-z]{2}\d{1,2}$/;

const URL_RULE = 'an https URL without user, password or fragment (http for loopback addresses only)';

/** Form parameters that the token request sets by itself (RFC 6749, RFC 7523), or that have a setting here. */
const OWN_PARAMETERS = [
  'grant_type',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'scope',
  'audience',
  'resource',
];

/** Reads the provider and its settings; regions and areas become domains. Undefined where that is impossible. */
export function readProvider(fields: Fields): ProviderSettings | undefined {
  if (!fields.has('provider'))
    fields.problem('provider', `is missing; set it to one of ${PROVIDERS.join(', ')}`);
  const provider = fields.oneOf('provider', PROVIDERS);
  switch (provider) {
    case 'genesys-cloud': {
      const domain = readRegion(fields);
      return domain === undefined ? undefined : { provider, domain };
    }
    case 'nice-cxone': {
      const issuer = fields.text('issuer', URL_RULE, isAcceptableUrl);
      return { provider, issuer: issuer ?? CXONE_ISSUER };
    }
    case 'nice-cxone-access-key': {
      const area = fields.requiredText(
        'area',
        'an area of CXone like "na1" or "eu1", or a domain like "na1.nice-incontact.com"',
        (value) => CXONE_AREA.test(value) || DOMAIN.test(value),
      );
      if (area === undefined) return undefined;
      return { provider, domain: CXONE_AREA.test(area) ? `${area}.nice-incontact.com` : area };
    }
    case 'oauth2':
      return readOAuth2(fields);
    default:
      return undefined;
  }
}

/** The lifetime that a provider's tokens have unless somebody changed it, in minutes. */
export function defaultLifetimeMinutes(provider: ProviderName): number {
  return provider === 'genesys-cloud' ? 24 * 60 : 60;
}

function readRegion(fields: Fields): string | undefined {
  const region = fields.requiredText(
    'region',
    `a region of Genesys Cloud (${Object.keys(GENESYS_DOMAINS).join(', ')}), or a domain like "mypurecloud.de"`,
    (value) => Object.hasOwn(GENESYS_DOMAINS, value) || DOMAIN.test(value),
  );
  return region === undefined ? undefined : (GENESYS_DOMAINS[region] ?? region);
}

function readOAuth2(fields: Fields): ProviderSettings {
  const url = (key: string): string | undefined => fields.text(key, URL_RULE, isAcceptableUrl);
  const line = (key: string): string | undefined =>
    fields.text(key, 'a text of 1 to 2,000 characters without control characters', isLine);
  if (fields.has('tokenUrl') === fields.has('issuer')) {
    const found = fields.has('issuer') ? 'is set beside issuer' : 'is missing, and so is issuer';
    fields.problem('tokenUrl', `${found}; set one of them: tokenUrl, or issuer to discover it`);
  }
  const settings = {
    tokenUrl: url('tokenUrl'),
    issuer: url('issuer'),
    clientAuthentication: fields.oneOf('clientAuthentication', CLIENT_AUTHENTICATIONS),
    scope: line('scope'),
    audience: line('audience'),
    resource: readResource(fields),
    parameters: readParameters(fields),
    probeUrl: url('probeUrl'),
  };
  // Absent settings stay absent from the function's environment.
  return { provider: 'oauth2', ...(JSON.parse(JSON.stringify(settings)) as object) };
}

/** @see RFC 8707 section 2: absolute URIs without fragment */
function readResource(fields: Fields): string | string[] | undefined {
  const value = fields.raw('resource');
  if (value === undefined) return undefined;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every((one) => typeof one === 'string' && isAbsoluteUri(one))) {
    return value as string | string[];
  }
  fields.problem('resource', `${show(value)} is not an absolute URI without fragment, nor a list of them`);
  return undefined;
}

function readParameters(fields: Fields): Record<string, string> | undefined {
  const value = fields.raw('parameters');
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fields.problem('parameters', `${show(value)} is not an object of texts`);
    return undefined;
  }
  for (const [key, text] of Object.entries(value)) {
    if (OWN_PARAMETERS.includes(key)) {
      fields.problem(`parameters.${key}`, 'is set by the token request itself; remove it here');
    } else if (typeof text !== 'string') {
      fields.problem(`parameters.${key}`, `${show(text)} is not a text`);
    }
  }
  return value as Record<string, string>;
}

function isLine(value: string): boolean {
  return value.length >= 1 && value.length <= 2000 && !/\p{Cc}/u.test(value);
}

function isAbsoluteUri(value: string): boolean {
  return URL.canParse(value) && !value.includes('#');
}

function isAcceptableUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  const isLoopback = ['localhost', '[::1]'].includes(url.hostname) || /^127(\.\d+){3}$/.test(url.hostname);
  const isProtected = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback);
  return isProtected && url.username === '' && url.password === '' && !value.includes('#');
}
