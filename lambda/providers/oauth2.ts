import { isEndpointUrl, URL_RULE } from './endpoint-url.ts';
import type { ClientProof, FormParameter, ProviderDefinition } from './provider.ts';
import { present, type SettingsReader, show } from './settings-reader.ts';

/** How the client proves who it is at the token endpoint. @see RFC 6749 section 2.3.1, RFC 7523 section 2.2 */
export type ClientAuthentication = ClientProof['method'];

/** Either `tokenUrl` or `issuer`. */
export interface OAuth2Settings {
  readonly tokenUrl?: string;
  /** Base URL for OpenID Connect or RFC 8414 discovery. */
  readonly issuer?: string;
  /** @default 'client_secret_basic' */
  readonly clientAuthentication?: ClientAuthentication;
  /** The `aud` of the assertion of `private_key_jwt`. @default the issuer; without one the token endpoint */
  readonly assertionAudience?: string;
  /** Space-separated scopes (RFC 6749 section 3.3). */
  readonly scope?: string;
  readonly audience?: string;
  /** Resource indicators (RFC 8707 section 2). */
  readonly resource?: string | readonly string[];
  /** Further form parameters of the token request. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** A URL that answers a `GET` with 2xx if its bearer token is accepted, and with 401 if it is not. */
  readonly probeUrl?: string;
}

const CLIENT_AUTHENTICATIONS: readonly ClientAuthentication[] = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
];

/** Form parameters that the request sets itself, or that have their own setting: a duplicate would be ambiguous. */
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

/** Any OAuth 2.0 server with the client credentials grant (RFC 6749 section 4.4). */
export const oauth2: ProviderDefinition<OAuth2Settings, 'client_id' | 'client_secret' | 'private_key'> = {
  settings: {
    tokenUrl: 'https URL; this or `issuer`',
    issuer: 'https URL without query, the base of discovery; this or `tokenUrl`',
    clientAuthentication:
      '`client_secret_basic`, `client_secret_post`, `private_key_jwt`; default `client_secret_basic`',
    assertionAudience:
      'the `aud` of the signed assertion (`private_key_jwt`); default the issuer, without one the token endpoint',
    scope: 'space-separated; default none',
    audience: 'text; default none',
    resource: 'an absolute URI, or a list of them (RFC 8707); default none',
    parameters: 'further form parameters, as an object of texts; default none',
    probeUrl: 'https URL that answers 2xx to a `GET` with a good token, 401 with a bad one; default none',
  },
  defaultLifetimeMinutes: 60,
  leastLifetimeMinutes: 2,

  readSettings(reader) {
    const url = (key: string) => reader.text(key, URL_RULE, isEndpointUrl);
    const line = (key: string) => reader.text(key, LINE_RULE, isLine);
    if (reader.has('tokenUrl') === reader.has('issuer')) {
      const found = reader.has('issuer') ? 'is set beside issuer' : 'is missing, and so is issuer';
      reader.problem('tokenUrl', `${found}; set one of them: tokenUrl, or issuer to discover it`);
    }
    return present({
      tokenUrl: url('tokenUrl'),
      issuer: readIssuer(reader),
      clientAuthentication: reader.oneOf('clientAuthentication', CLIENT_AUTHENTICATIONS),
      assertionAudience: readAssertionAudience(reader),
      scope: reader.text('scope', SCOPE_RULE, isScope),
      audience: line('audience'),
      resource: readResource(reader),
      parameters: readParameters(reader),
      probeUrl: url('probeUrl'),
    });
  },

  describe(settings) {
    const { clientAuthentication = 'client_secret_basic', assertionAudience, scope, probeUrl } = settings;
    const { tokenUrl, issuer = '' } = settings;
    const parameters = formParameters(settings);
    return {
      secretKeys: ['client_id', clientAuthentication === 'private_key_jwt' ? 'private_key' : 'client_secret'],
      source: {
        endpoint: tokenUrl === undefined ? { issuer } : { url: tokenUrl },
        parameters,
      },
      tokenRequest({ client_id, client_secret, private_key, kid }) {
        const clientProof: ClientProof =
          clientAuthentication === 'private_key_jwt'
            ? {
                method: clientAuthentication,
                privateKey: private_key,
                ...(kid === undefined ? {} : { kid }),
                ...(assertionAudience === undefined ? {} : { audience: assertionAudience }),
              }
            : { method: clientAuthentication, clientSecret: client_secret };
        return { kind: 'form', parameters, clientId: client_id, clientProof };
      },
      ...(probeUrl === undefined ? {} : { probeUrl }),
      ...(scope === undefined ? {} : { scope }),
      refusalHints: clientAuthentication === 'private_key_jwt' ? ASSERTION_HINTS : SECRET_HINTS,
    };
  },
};

const SECRET_HINTS = {
  encoded:
    'HTTP Basic encodes some characters of this id or secret (RFC 6749 section 2.3.1), which not every server decodes: try clientAuthentication client_secret_post.',
};

const ASSERTION_HINTS = {
  invalid_client:
    'Check client_id, and that the server has the public key of private_key (and its kid). The server may expect another aud: set assertionAudience as its documentation says, for example to the URL of the token endpoint (Ory Hydra).',
};

function formParameters({ scope, audience, resource, parameters = {} }: OAuth2Settings): FormParameter[] {
  const resources = resource === undefined ? [] : [resource].flat();
  return [
    ['grant_type', 'client_credentials'],
    ...Object.entries(present({ scope, audience })),
    ...resources.map((one): FormParameter => ['resource', one]),
    ...Object.entries(parameters),
  ];
}

function readIssuer(reader: SettingsReader): string | undefined {
  const issuer = reader.text('issuer', URL_RULE, isEndpointUrl);
  if (issuer === undefined) return undefined;
  const { pathname, search } = new URL(issuer);
  if (pathname.includes('/.well-known/')) {
    reader.problem(
      'issuer',
      `${show(issuer)} is the URL of the discovery document; remove /.well-known/ and what follows`,
    );
  }
  // RFC 8414 section 2: an issuer has no query.
  if (search !== '')
    reader.problem('issuer', `${show(issuer)} has a query, which an issuer cannot have; remove it`);
  return issuer;
}

function readAssertionAudience(reader: SettingsReader): string | undefined {
  if (reader.has('assertionAudience') && reader.raw('clientAuthentication') !== 'private_key_jwt') {
    reader.problem('assertionAudience', 'is for clientAuthentication private_key_jwt only; remove it');
  }
  return reader.text('assertionAudience', LINE_RULE, isLine);
}

/** @see RFC 8707 section 2: absolute URIs without fragment */
function readResource(reader: SettingsReader): string | string[] | undefined {
  const value = reader.raw('resource');
  if (value === undefined) return undefined;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every((one) => typeof one === 'string' && isAbsoluteUri(one))) {
    return value as string | string[];
  }
  reader.problem(
    'resource',
    `${show(value)} is not an absolute URI without fragment and white space, nor a list of them`,
  );
  return undefined;
}

function readParameters(reader: SettingsReader): Record<string, string> | undefined {
  const value = reader.raw('parameters');
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    reader.problem('parameters', `${show(value)} is not an object of texts`);
    return undefined;
  }
  for (const [key, text] of Object.entries(value)) {
    if (OWN_PARAMETERS.includes(key)) {
      reader.problem(`parameters.${key}`, 'is set by the token request itself; remove it here');
    } else if (typeof text !== 'string') {
      reader.problem(`parameters.${key}`, `${show(text)} is not a text`);
    }
  }
  return value as Record<string, string>;
}

const LINE_RULE =
  'a text of 1 to 2,000 characters without control characters, and without white space at either end';

const SCOPE_RULE =
  'a list of scopes, each of ASCII characters without quotation mark and backslash, with one space between (RFC 6749 section 3.3), of 1 to 2,000 characters';

function isScope(value: string): boolean {
  return value.length <= 2000 && /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(value);
}

function isLine(value: string): boolean {
  return value.length >= 1 && value.length <= 2000 && !/\p{Cc}/u.test(value) && value.trim() === value;
}

function isAbsoluteUri(value: string): boolean {
  return URL.canParse(value) && !/[#\s]/.test(value);
}
