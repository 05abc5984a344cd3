import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { decodeJwt, jwtVerify } from 'jose';
import { readConfiguration } from '../../../infra/configuration/app-configuration.ts';
import type { ProviderSettings } from '../../../lambda/contract.ts';
import { createServerCertificate } from '../../../local/server-certificate.ts';
import { expectNoLeak, rejection } from '../../support/leaks.ts';
import { type Recorder, startRecorder, type WireRequest } from '../../support/recorder.ts';
import { minterFor, signal } from './minting.ts';

const TOKEN = 'canary-token.0123';
const HOSTS =
  'login.mypurecloud.de api.mypurecloud.de cxone.niceincontact.com na1.nice-incontact.com example.okta.com example.eu.auth0.com login.microsoftonline.com id.example.test localhost';
/** By issuer's host, where it is not the host itself. */
const TOKEN_ENDPOINTS: Readonly<Record<string, string>> = {
  'keycloak.example.com': 'https://keycloak.example.com/realms/ci/protocol/openid-connect/token',
  'hydra.example.com': 'https://hydra.example.com/oauth2/token',
  'moved.example.test': 'https://canary-chosen.example.test/token',
};

/** A token request: its URL, the credentials of Basic, and the body with its assertion's audience. */
type Sent = readonly [url: string, basic: string, body: string];

const trusted = getCACertificates('default');
/** It is every provider: the proxy connects each name to it. */
let recorder: Recorder;
let proxy: Server;
let connected: string[];
let requests: WireRequest[];
/** The token that is answered; `$SENT` is replaced by the credentials or the assertion that were sent. */
let answered: string;

beforeAll(async () => {
  const certificate = await createServerCertificate([...HOSTS.split(' '), ...Object.keys(TOKEN_ENDPOINTS)]);
  // The effect of NODE_EXTRA_CA_CERTS, which Node.js reads when it starts.
  setDefaultCACertificates([...trusted, certificate.cert]);
  recorder = await startRecorder((request) => {
    requests.push(request);
    const { path, headers, body } = request;
    const host = headers.host?.[0] ?? '';
    const [issuerPath, isMetadata] = path.split('/.well-known/openid-configuration');
    if (isMetadata !== undefined) {
      const endpoint = TOKEN_ENDPOINTS[host] ?? `https://${host}/connect/token?v=2`;
      return { body: JSON.stringify({ issuer: `https://${host}${issuerPath}`, token_endpoint: endpoint }) };
    }
    const assertion = new URLSearchParams(body).get('client_assertion') ?? '';
    const sent = headers.authorization?.[0]?.replace('Basic ', '') ?? assertion;
    return { body: JSON.stringify({ access_token: answered.replace('$SENT', sent), expires_in: 3600 }) };
  }, certificate);
  proxy = createServer().on('connect', (request, socket) => {
    connected.push(request.url ?? '');
    const upstream = connect(recorder.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const one of [socket, upstream]) one.on('error', () => {});
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
});

afterAll(async () => {
  setDefaultCACertificates(trusted);
  await recorder.close();
  proxy.closeAllConnections();
  proxy.close();
});

beforeEach(() => {
  requests = [];
  connected = [];
  answered = TOKEN;
});

const minter = (settings: ProviderSettings, secret: object, now = () => new Date()) => {
  const httpsProxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const options = { now, proxy: { httpsProxy, noProxy: 'localhost,127.0.0.1' } };
  return minterFor(settings, { AWSCURRENT: secret }, options);
};
const mint = (settings: ProviderSettings, secret: object) =>
  minter(settings, secret).mint({ signal: signal() });

/** Expects that a mint sends this request, after discovery or none, each with exactly these headers. */
async function expectMint(settings: ProviderSettings, secret: object, [url, basic, body]: Sent) {
  requests = [];
  const { accessToken } = await mint(settings, secret);

  expect(accessToken).toBe(TOKEN);
  const { host, pathname, search } = new URL(url);
  const common = commonHeaders(host);
  const [request, ...discovery] = requests.toReversed();
  const type = body.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded';
  const headers = {
    ...{ ...common, 'content-type': [type] },
    'content-length': [String(Buffer.byteLength(request?.body ?? ''))],
    ...(basic === '' ? {} : { authorization: [`Basic ${btoa(basic)}`] }),
  };
  const sent = request?.body.replace(/(?<=client_assertion=).*/, (jwt) => `for ${decodeJwt(jwt).aud}`);
  expect({ ...request, body: sent }).toEqual({ method: 'POST', path: pathname + search, headers, body });
  for (const one of discovery) expect(one).toMatchObject({ method: 'GET', headers: common, body: '' });
}

function commonHeaders(host: string) {
  const common = { connection: ['close'], 'user-agent': ['token-refresher/1'], accept: ['application/json'] };
  return { ...common, 'accept-encoding': ['gzip, deflate, br'], host: [host] };
}

// Characters that two encodings or none would confuse.
const AWKWARD = 'a:b%c+d&e=f g/ü€😀~!*()\'?#@"\\';
const IN_BASIC = 'a%3Ab%25c%2Bd%26e%3Df%20g%2F%C3%BC%E2%82%AC%F0%9F%98%80%7E%21*%28%29%27%3F%23%40%22%5C';
const IN_FORM = IN_BASIC.replaceAll('%20', '+');
const AWKWARD_CLIENT = { client_id: AWKWARD, client_secret: AWKWARD };
// A token may contain the client id.
const CLIENT = { client_id: 'canary-token', client_secret: 's' };
const GENESYS: ProviderSettings = { provider: 'genesys-cloud', region: 'eu-central-1' };
const OAUTH2: ProviderSettings = { provider: 'oauth2', tokenUrl: 'https://id.example.test/token' };
const GRANT = 'grant_type=client_credentials';
const ASSERTION = `client_assertion_type=${encodeURIComponent('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')}&client_assertion=for `;
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = (key: KeyObject) => key.export({ format: 'jwk' });

test.each<[string, ProviderSettings, object, Sent]>([
  [
    // The hyphens of a UUID stay as they are: a server that does not decode Basic must know it too.
    'Genesys Cloud: client credentials at the login host, with Basic alone',
    GENESYS,
    { client_id: '0f1e2d3c-aaaa-bbbb-cccc-0123456789ab', client_secret: 'Abc_def-0.9~x' },
    [
      'https://login.mypurecloud.de/oauth/token',
      '0f1e2d3c-aaaa-bbbb-cccc-0123456789ab:Abc_def-0.9%7Ex',
      GRANT,
    ],
  ],
  [
    'NICE CXone: the password grant with the form-encoded access key, after discovery',
    { provider: 'nice-cxone' },
    { clientId: 'app@x', clientSecret: 'c+s=', accessKeyId: 'KEY+ID====', accessKeySecret: 'key/secret====' },
    [
      'https://cxone.niceincontact.com/connect/token?v=2',
      'app%40x:c%2Bs%3D',
      'grant_type=password&username=KEY%2BID%3D%3D%3D%3D&password=key%2Fsecret%3D%3D%3D%3D',
    ],
  ],
  [
    'NICE CXone, access key flow: the pair as JSON, and no Authorization',
    { provider: 'nice-cxone-access-key', area: 'na1' },
    { access_key_id: 'KEY"ID====', access_key_secret: 'ü/secret====' },
    [
      'https://na1.nice-incontact.com/authentication/v1/token/access-key',
      '',
      '{"accessKeyId":"KEY\\"ID====","accessKeySecret":"ü/secret===="}',
    ],
  ],
  [
    // RFC 6749 2.3.1: a colon cannot split them.
    'Basic with form-encoded id and secret; the query of a tokenUrl is kept',
    { provider: 'oauth2', tokenUrl: 'https://id.example.test/token?tenant=a%20b' },
    AWKWARD_CLIENT,
    ['https://id.example.test/token?tenant=a%20b', `${IN_BASIC}:${IN_BASIC}`, GRANT],
  ],
  [
    'client_secret_post: id and secret in the form, and no Authorization',
    { ...OAUTH2, clientAuthentication: 'client_secret_post' },
    AWKWARD_CLIENT,
    [OAUTH2.tokenUrl ?? '', '', `${GRANT}&client_id=${IN_FORM}&client_secret=${IN_FORM}`],
  ],
  [
    'scope, audience, resources and further parameters in the form',
    {
      ...OAUTH2,
      ...{ scope: 'read write:all', audience: 'https://api.test/?a=1&b=2' },
      ...{ resource: ['https://one.test', 'https://two.test'], parameters: { 'x-tenant': 'ä +' } },
    },
    CLIENT,
    [
      OAUTH2.tokenUrl ?? '',
      'canary-token:s',
      `${GRANT}&scope=read+write%3Aall&audience=https%3A%2F%2Fapi.test%2F%3Fa%3D1%26b%3D2&resource=https%3A%2F%2Fone.test&resource=https%3A%2F%2Ftwo.test&x-tenant=%C3%A4+%2B`,
    ],
  ],
  [
    'private_key_jwt: an assertion for the issuer after discovery, and no secret',
    { provider: 'oauth2', issuer: 'https://id.example.test/a', clientAuthentication: 'private_key_jwt' },
    { client_id: 'ci', private_key: jwk(ec.privateKey) },
    [
      'https://id.example.test/connect/token?v=2',
      '',
      `${GRANT}&client_id=ci&${ASSERTION}https://id.example.test/a`,
    ],
  ],
])('%s', async (_case, settings, secret, sent) => {
  await expectMint(settings, secret, sent);

  expect(connected).toEqual(requests.map(({ headers }) => `${headers.host}:443`));
});

test('Genesys Cloud: the probe is a GET of tokens/me at the API host', async () => {
  expect(await minter(GENESYS, {}).probe?.(TOKEN, { signal: signal() })).toBe('accepted');

  const headers = { ...commonHeaders('api.mypurecloud.de'), authorization: [`Bearer ${TOKEN}`] };
  expect(requests).toEqual([{ method: 'GET', path: '/api/v2/tokens/me', headers, body: '' }]);
});

test('a host of NO_PROXY is reached directly', async () => {
  const tokenUrl = `https://localhost:${recorder.port}/token`;

  await expectMint({ provider: 'oauth2', tokenUrl }, CLIENT, [tokenUrl, 'canary-token:s', GRANT]);

  expect(connected).toEqual([]);
});

test('a server with another certificate gets no token request; the message names the configured host', async () => {
  const failed = async (settings: object) => {
    const { code, message } = await rejection(mint({ provider: 'oauth2', ...settings }, CLIENT));
    return `${code}: ${message}`;
  };
  const NO_ANSWER = 'got no answer (ERR_TLS_CERT_ALTNAME_INVALID). The TLS connection failed.';

  const proxied = await failed({ issuer: 'https://moved.example.test' });
  const direct = await failed({ tokenUrl: `https://127.0.0.1:${recorder.port}/token` });

  expect(proxied).toContain(
    `TOKEN_ENDPOINT_UNAVAILABLE: The token request to moved.example.test ${NO_ANSWER}`,
  );
  expect(direct).toContain(`The token request to 127.0.0.1:${recorder.port} ${NO_ANSWER}`);
  expect(requests.map(({ method }) => method)).toEqual(['GET']);
});

const AUDIENCE = 'https%3A%2F%2Fapi.example.com';
const ENTRA = 'https://login.microsoftonline.com/00000000-1111-2222-3333-444444444444/oauth2/v2.0/token';
const ENTRA_SCOPE = 'api%3A%2F%2Fexample-api%2F.default';
const KEYCLOAK = 'https://keycloak.example.com/realms/ci/protocol/openid-connect/token';
const HYDRA = 'https://hydra.example.com/oauth2/token';
const POSTED = 'client_id=ci&client_secret=canary';
/** The requests as the vendors document them, by the headings of docs/recipes.md, which links the vendors' pages. */
const DOCUMENTED: readonly (readonly [heading: string, ...Sent])[] = [
  ['Keycloak', KEYCLOAK, 'ci:canary', GRANT],
  ['Okta', 'https://example.okta.com/oauth2/default/v1/token', 'ci:canary', `${GRANT}&scope=deploy`],
  ['Auth0', 'https://example.eu.auth0.com/oauth/token', '', `${GRANT}&audience=${AUDIENCE}&${POSTED}`],
  ['Microsoft Entra ID', ENTRA, '', `${GRANT}&scope=${ENTRA_SCOPE}&${POSTED}`],
  ['Ory Hydra', HYDRA, 'ci:canary', `${GRANT}&scope=deploy&audience=${AUDIENCE}`],
  ['Ory Hydra', HYDRA, '', `${GRANT}&client_id=ci&${ASSERTION}${HYDRA}`],
];
const page = readFileSync(new URL('../../../docs/recipes.md', import.meta.url), 'utf8');
const recipes = page.split(/^## /m).flatMap((section) =>
  [...section.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, json = '{}']) => ({
    heading: section.split('\n')[0],
    token: JSON.parse(json) as object,
  })),
);

test('every recipe of the page is compared with what its vendor documents', () => {
  expect(recipes.map(({ heading }) => heading)).toEqual(DOCUMENTED.map(([heading]) => heading));
});

test.each(DOCUMENTED.map((row, index) => [...row, recipes[index]?.token] as const))(
  '%s: the recipe sends what the vendor documents, %s',
  async (_heading, url, basic, body, recipe) => {
    const [token] = readConfiguration({ tokens: [recipe] }, { account: undefined, region: undefined }).tokens;
    const secret = { client_id: 'ci', client_secret: 'canary', private_key: jwk(ec.privateKey) };

    await expectMint(token?.provider ?? GENESYS, secret, [url, basic, body]);
  },
);

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
test.each([
  [
    'PEM, PKCS #1, RSA',
    rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }),
    rsa.publicKey,
    { alg: 'RS256' },
  ],
  ['JWK with a key id', { ...jwk(ec.privateKey), kid: 'k1' }, ec.publicKey, { alg: 'ES256', kid: 'k1' }],
])(
  'private_key_jwt signs an assertion for the token endpoint (%s)',
  async (_case, key, publicKey, header) => {
    const now = new Date('2030-01-01T00:00:00Z');
    const settings = { ...OAUTH2, clientAuthentication: 'private_key_jwt' } as const;

    await minter(settings, { client_id: 'ci', private_key: key }, () => now).mint({ signal: signal() });

    const assertion = new URLSearchParams(requests[0]?.body).get('client_assertion') ?? '';
    const { protectedHeader, payload } = await jwtVerify(assertion, publicKey, { currentDate: now });
    const seconds = now.getTime() / 1000;
    expect(protectedHeader).toEqual(header);
    expect(payload).toEqual({
      ...{ iss: 'ci', sub: 'ci', aud: OAUTH2.tokenUrl, jti: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      ...{ iat: seconds, nbf: seconds, exp: seconds + 60 },
    });
  },
);

test.each([
  ['the secret, form-encoded', 'x.canary%2Fsecret%2B', 'client_secret_basic'],
  ['the credentials of Basic, as they were sent', 'x.$SENT', 'client_secret_basic'],
  ['the client’s assertion, as it was sent', '$SENT', 'private_key_jwt'],
] as const)('a token that contains %s is refused', async (_case, token, clientAuthentication) => {
  answered = token;
  const secret = { client_id: 'ci', client_secret: 'canary/secret+', private_key: jwk(ec.privateKey) };

  const error = await rejection(mint({ ...OAUTH2, clientAuthentication }, secret));

  expect(error.code).toBe('TOKEN_RESPONSE_INVALID');
  expect(error.message).toContain('contains a value of the secret');
  expectNoLeak(error, ['canary']);
});
