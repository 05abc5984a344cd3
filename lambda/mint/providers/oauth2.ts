import type { OAuth2Settings } from '../../contract.ts';
import { RefreshError } from '../../errors.ts';
import type { Credentials } from '../credentials.ts';
import { parseEndpointUrl } from '../endpoint-url.ts';
import { parsePrivateKey } from '../private-key.ts';
import type { ClientProof, Provider, TokenEndpointLocation } from './provider.ts';

type OAuth2Key = 'client_id' | 'client_secret' | 'private_key';

/** Parameters that have a meaning of their own: a second one beside it would make the request ambiguous. */
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

/**
 * Describes any OAuth 2.0 server with the client credentials grant (RFC 6749 section 4.4).
 *
 * @param secretArn for the message about a private key that is none
 * @throws RefreshError `CONFIG_INVALID`
 */
export function oauth2(settings: OAuth2Settings, secretArn: string): Provider<OAuth2Key> {
  const { clientAuthentication = 'client_secret_basic', scope, audience, probeUrl } = settings;
  const resources = settings.resource === undefined ? [] : [settings.resource].flat();
  const own = Object.entries({ scope, audience }).filter((pair): pair is [string, string] =>
    Boolean(pair[1]),
  );
  const further = Object.entries(settings.parameters ?? {});
  const taken = further.map(([name]) => name).filter((name) => OWN_PARAMETERS.includes(name));
  if (taken.length > 0) {
    throw invalid(`parameters may not set ${taken.join(', ')}: there are settings and the secret for that`);
  }
  if (probeUrl !== undefined) parseEndpointUrl(probeUrl, 'probeUrl');

  const proof = ({ client_secret, private_key, kid }: Credentials<OAuth2Key>): ClientProof =>
    clientAuthentication === 'private_key_jwt'
      ? { method: clientAuthentication, signingKey: parsePrivateKey(private_key, secretArn, kid) }
      : { method: clientAuthentication, clientSecret: client_secret };
  return {
    credentialKeys: [
      'client_id',
      clientAuthentication === 'private_key_jwt' ? 'private_key' : 'client_secret',
    ],
    tokenEndpoint: location(settings),
    tokenRequest: (credentials) => ({
      kind: 'grant',
      grantType: 'client_credentials',
      clientId: credentials.client_id,
      clientProof: proof(credentials),
      parameters: [...own, ...resources.map((one) => ['resource', one] as const), ...further],
    }),
    ...(probeUrl === undefined ? {} : { probeUrl }),
    ...(scope ? { scope } : {}),
    refusalHints: {},
  };
}

function location({ tokenUrl, issuer }: OAuth2Settings): TokenEndpointLocation {
  if (tokenUrl !== undefined && issuer === undefined) {
    return { url: parseEndpointUrl(tokenUrl, 'tokenUrl').href };
  }
  if (issuer === undefined || tokenUrl !== undefined)
    throw invalid('one of tokenUrl and issuer must be set, not both');
  const { pathname, search } = parseEndpointUrl(issuer, 'issuer');
  if (pathname.includes('/.well-known/')) {
    throw invalid(
      'issuer is the address of the discovery document: leave out /.well-known/ and what follows',
    );
  }
  // RFC 8414 section 2: an issuer has no query.
  if (search !== '') throw invalid('issuer has a query');
  return { issuer };
}

function invalid(problem: string): RefreshError {
  return new RefreshError(
    'CONFIG_INVALID',
    `The settings of the provider oauth2 are wrong: ${problem}. Correct them in the tokens of cdk.json and deploy again.`,
  );
}
