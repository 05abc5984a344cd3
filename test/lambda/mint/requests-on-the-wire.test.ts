import { createVerify, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Agent } from 'undici';
import type { ProviderSettings } from '../../../lambda/contract.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../../local/certificate-authority.ts';
import { expectNoLeak, rejection } from '../../support/leaks.ts';
import { type Recorder, startRecorder } from '../../support/recorder.ts';
import { minterFor, signal } from './minting.ts';

const NAMES = ['login.example.test', 'api.example.test', 'na1.example.test', 'issuer.example.test'];
const TOKEN = 'canary-token.0123';

let authority: CertificateAuthority;
let recorder: Recorder;
let agent: Agent;
let issuer: string;
/** The token that the server answers; `$SENT` is replaced by the credentials or the assertion that it was sent. */
let answered: string;

beforeAll(async () => {
  authority = await createCertificateAuthority();
});

beforeEach(async () => {
  answered = TOKEN;
  agent = new Agent({
    connect: {
      ca: authority.certificate,
      // Every name is this machine.
      lookup: (_name, { all }, callback) =>
        all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
    },
  });
  recorder = await startRecorder(
    ({ path, headers, body }) => {
      if (path.includes('/.well-known/')) {
        return { body: JSON.stringify({ issuer, token_endpoint: `${issuer}/connect/token?v=2` }) };
      }
      const assertion = new URLSearchParams(body).get('client_assertion') ?? '';
      const sent = headers.authorization?.[0]?.replace('Basic ', '') ?? assertion;
      return { body: JSON.stringify({ access_token: answered.replace('$SENT', sent), expires_in: 3600 }) };
    },
    await authority.issue(NAMES),
  );
  issuer = `https://issuer.example.test:${recorder.port}`;
});

afterEach(async () => {
  await agent.destroy();
  await recorder.close();
});

const minter = (settings: ProviderSettings, secret: object, now = () => new Date()) =>
  minterFor(settings, { AWSCURRENT: secret }, { dispatcher: agent, now });
const mint = (settings: ProviderSettings, secret: object) =>
  minter(settings, secret).mint({ signal: signal() });
const host = (name: string) => `${name}.example.test:${recorder.port}`;
const FORM = { 'content-type': ['application/x-www-form-urlencoded'] };
const basic = (credentials: string) => ({ ...FORM, authorization: [`Basic ${btoa(credentials)}`] });

// Characters that two encodings or none would confuse.
const AWKWARD = 'a:b%c+d&e=f g/ü€😀~!*()\'?#@"\\';
const IN_BASIC = 'a%3Ab%25c%2Bd%26e%3Df%20g%2F%C3%BC%E2%82%AC%F0%9F%98%80%7E%21*%28%29%27%3F%23%40%22%5C';
const IN_FORM = IN_BASIC.replaceAll('%20', '+');
const AWKWARD_CLIENT = { client_id: AWKWARD, client_secret: AWKWARD };
// A token may contain the client id.
const CLIENT = { client_id: 'canary-token', client_secret: 's' };

interface Sent {
  readonly to: string;
  readonly path: string;
  readonly headers: object;
  readonly body: string;
}

test.each<[string, () => ProviderSettings, object, Sent]>([
  [
    // The hyphens of a UUID stay as they are: a server that does not decode Basic must know it too.
    'Genesys Cloud: client credentials at the login host, with Basic alone',
    () => ({ provider: 'genesys-cloud', region: `example.test:${recorder.port}` }),
    { client_id: '0f1e2d3c-aaaa-bbbb-cccc-0123456789ab', client_secret: 'Abc_def-0.9~x' },
    {
      to: 'login',
      path: '/oauth/token',
      headers: basic('0f1e2d3c-aaaa-bbbb-cccc-0123456789ab:Abc_def-0.9%7Ex'),
      body: 'grant_type=client_credentials',
    },
  ],
  [
    'NICE CXone: the password grant with the form-encoded access key, after discovery',
    () => ({ provider: 'nice-cxone', issuer }),
    { clientId: 'app@x', clientSecret: 'c+s=', accessKeyId: 'KEY+ID====', accessKeySecret: 'key/secret====' },
    {
      to: 'issuer',
      path: '/connect/token?v=2',
      headers: basic('app%40x:c%2Bs%3D'),
      body: 'grant_type=password&username=KEY%2BID%3D%3D%3D%3D&password=key%2Fsecret%3D%3D%3D%3D',
    },
  ],
  [
    'NICE CXone, access key flow: the pair as JSON, and no Authorization',
    () => ({ provider: 'nice-cxone-access-key', area: host('na1') }),
    { access_key_id: 'KEY"ID====', access_key_secret: 'ü/secret====' },
    {
      to: 'na1',
      path: '/authentication/v1/token/access-key',
      headers: { 'content-type': ['application/json'] },
      body: '{"accessKeyId":"KEY\\"ID====","accessKeySecret":"ü/secret===="}',
    },
  ],
  [
    // RFC 6749 2.3.1: a colon cannot split them.
    'Basic with form-encoded id and secret; the query of a tokenUrl is kept',
    () => ({ provider: 'oauth2', tokenUrl: `${issuer}/token?tenant=a%20b` }),
    AWKWARD_CLIENT,
    {
      to: 'issuer',
      path: '/token?tenant=a%20b',
      headers: basic(`${IN_BASIC}:${IN_BASIC}`),
      body: 'grant_type=client_credentials',
    },
  ],
  [
    'client_secret_post: id and secret in the form, and no Authorization',
    () => ({ provider: 'oauth2', tokenUrl: `${issuer}/token`, clientAuthentication: 'client_secret_post' }),
    AWKWARD_CLIENT,
    {
      to: 'issuer',
      path: '/token',
      headers: FORM,
      body: `grant_type=client_credentials&client_id=${IN_FORM}&client_secret=${IN_FORM}`,
    },
  ],
  [
    'scope, audience, resources and further parameters in the form',
    () => ({
      provider: 'oauth2',
      tokenUrl: `${issuer}/token`,
      scope: 'read write:all',
      audience: 'https://api.test/?a=1&b=2',
      resource: ['https://one.test', 'https://two.test'],
      parameters: { 'x-tenant': 'ä +' },
    }),
    CLIENT,
    {
      to: 'issuer',
      path: '/token',
      headers: basic('canary-token:s'),
      body:
        'grant_type=client_credentials&scope=read+write%3Aall&audience=https%3A%2F%2Fapi.test%2F%3Fa%3D1%26b%3D2' +
        '&resource=https%3A%2F%2Fone.test&resource=https%3A%2F%2Ftwo.test&x-tenant=%C3%A4+%2B',
    },
  ],
])('%s', async (_case, settings, secret, { to, path, headers, body }) => {
  const { accessToken } = await mint(settings(), secret);

  expect(accessToken).toBe(TOKEN);
  const [request, ...discovery] = recorder.requests.toReversed();
  const common = commonHeaders(to);
  const length = { 'content-length': [String(Buffer.byteLength(body))] };
  expect(request).toEqual({ method: 'POST', path, headers: { ...common, ...length, ...headers }, body });
  for (const one of discovery) {
    const metadata = { method: 'GET', path: '/.well-known/openid-configuration', body: '' };
    expect(one).toEqual({ ...metadata, headers: common });
  }
});

test('Genesys Cloud: the probe is a GET of tokens/me at the API host', async () => {
  const { probe } = minter({ provider: 'genesys-cloud', region: `example.test:${recorder.port}` }, {});

  expect(await probe?.(TOKEN, { signal: signal() })).toBe('accepted');

  const headers = { ...commonHeaders('api'), authorization: [`Bearer ${TOKEN}`] };
  expect(recorder.requests).toEqual([{ method: 'GET', path: '/api/v2/tokens/me', headers, body: '' }]);
});

function commonHeaders(name: string) {
  return {
    host: [host(name)],
    connection: ['close'],
    'user-agent': ['token-refresher/1'],
    accept: ['application/json'],
  };
}

describe('private_key_jwt', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1') => key.export({ type, format: 'pem' });
  const jwk = (key: KeyObject) => key.export({ format: 'jwk' });
  const settings = (): ProviderSettings => ({
    provider: 'oauth2',
    tokenUrl: `${issuer}/token`,
    clientAuthentication: 'private_key_jwt',
  });
  const decode = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString());

  test.each([
    ['PEM, PKCS #8, RSA', pem(rsa.privateKey, 'pkcs8'), rsa.publicKey, { alg: 'RS256' }],
    ['PEM, PKCS #1, RSA', pem(rsa.privateKey, 'pkcs1'), rsa.publicKey, { alg: 'RS256' }],
    ['PEM, SEC 1, EC', pem(ec.privateKey, 'sec1'), ec.publicKey, { alg: 'ES256' }],
    ['JWK with a key id', { ...jwk(ec.privateKey), kid: 'k1' }, ec.publicKey, { alg: 'ES256', kid: 'k1' }],
    ['JWK as a string', JSON.stringify(jwk(rsa.privateKey)), rsa.publicKey, { alg: 'RS256' }],
  ])('signs an assertion (%s), and sends no secret', async (_case, key, publicKey, expectedHeader) => {
    const now = () => new Date('2030-01-01T00:00:00Z');

    await minter(settings(), { client_id: 'ci', private_key: key }, now).mint({ signal: signal() });

    const [request] = recorder.requests;
    expect(request?.headers.authorization).toBeUndefined();
    const { client_assertion = '', ...form } = Object.fromEntries(new URLSearchParams(request?.body));
    expect(form).toEqual({
      grant_type: 'client_credentials',
      client_id: 'ci',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    const [header, claims, signature = ''] = client_assertion.split('.');
    const seconds = now().getTime() / 1000;
    const jti = expect.stringMatching(/^[0-9a-f-]{36}$/);
    expect(decode(header)).toEqual(expectedHeader);
    expect(decode(claims)).toEqual({
      ...{ iss: 'ci', sub: 'ci', aud: `${issuer}/token`, jti },
      ...{ iat: seconds, nbf: seconds, exp: seconds + 60 },
    });
    const verify = createVerify('SHA256').update(`${header}.${claims}`);
    const verifyKey = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
    expect(verify.verify(verifyKey, Buffer.from(signature, 'base64url'))).toBe(true);
  });

  test('is for the issuer after discovery', async () => {
    const discovered = { provider: 'oauth2', issuer, clientAuthentication: 'private_key_jwt' } as const;

    await mint(discovered, { client_id: 'ci', private_key: pem(ec.privateKey, 'pkcs8') });

    const assertion = new URLSearchParams(recorder.requests[1]?.body).get('client_assertion');
    expect(decode(assertion?.split('.')[1])).toMatchObject({ aud: issuer });
  });
});

test.each([
  ['the secret, form-encoded', 'x.canary%2Fsecret%2B', 'client_secret_basic'],
  ['the credentials of Basic, as they were sent', 'x.$SENT', 'client_secret_basic'],
  ['the client’s assertion, as it was sent', '$SENT', 'private_key_jwt'],
] as const)('a token that contains %s is refused', async (_case, token, clientAuthentication) => {
  answered = token;
  const { privateKey } = generateKeyPairSync('ed25519');
  const secret = {
    client_id: 'ci',
    client_secret: 'canary/secret+',
    private_key: privateKey.export({ format: 'jwk' }),
  };
  const settings: ProviderSettings = {
    provider: 'oauth2',
    tokenUrl: `${issuer}/token`,
    clientAuthentication,
  };

  const error = await rejection(mint(settings, secret));

  expect(error.code).toBe('TOKEN_RESPONSE_INVALID');
  expect(error.message).toContain('contains a value of the secret');
  expectNoLeak(error, ['canary']);
});
