import { createVerify, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Agent } from 'undici';
import type { ProviderSettings } from '../../../lambda/contract.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../../local/certificate-authority.ts';
import { expectNoLeak } from '../../support/leaks.ts';
import { type Recorder, startRecorder, type WireRequest } from '../../support/recorder.ts';
import { loopbackAgent, minterFor, signal } from './minting.ts';

const NAMES = ['login.example.test', 'api.example.test', 'na1.example.test', 'issuer.example.test'];
const TOKEN = 'canary-token.0123';

let authority: CertificateAuthority;
let recorder: Recorder;
let agent: Agent;

beforeAll(async () => {
  authority = await createCertificateAuthority();
});

beforeEach(async () => {
  agent = loopbackAgent(authority.certificate);
  recorder = await startRecorder(
    ({ path }) => {
      if (!path.includes('/.well-known/')) return { body: `{"access_token":"${TOKEN}","expires_in":3600}` };
      const issuer = `https://issuer.example.test:${recorder.port}`;
      return { body: JSON.stringify({ issuer, token_endpoint: `${issuer}/connect/token?v=2` }) };
    },
    await authority.issue(NAMES),
  );
});

afterEach(async () => {
  await agent.destroy();
  await recorder.close();
});

const mint = (settings: ProviderSettings, secret: object) =>
  minterFor(settings, { AWSCURRENT: secret }, { dispatcher: agent }).mint({ signal: signal() });
const host = (name: string) => `${name}.example.test:${recorder.port}`;
const commonHeaders = (name: string, length: number) => ({
  host: [host(name)],
  connection: ['close'],
  'user-agent': ['token-refresher/1'],
  accept: ['application/json'],
  'content-length': [String(length)],
});
const FORM = 'application/x-www-form-urlencoded';
const basicOf = (request: WireRequest | undefined) => {
  const [header = ''] = request?.headers.authorization ?? [];
  return Buffer.from(header.replace(/^Basic /, ''), 'base64').toString();
};

// Characters that two encodings or none would confuse.
const AWKWARD = 'a:b%c+d&e=f g/ü€😀~!*()\'?#@"\\';
const AWKWARD_ENCODED =
  'a%3Ab%25c%2Bd%26e%3Df%20g%2F%C3%BC%E2%82%AC%F0%9F%98%80%7E%21*%28%29%27%3F%23%40%22%5C';

test('Genesys Cloud: client credentials at the login host, with Basic alone', async () => {
  const region = `example.test:${recorder.port}`;
  const secret = { client_id: '0f1e2d3c-aaaa-bbbb-cccc-0123456789ab', client_secret: 'Abc_def-0.9~x' };
  const { accessToken } = await mint({ provider: 'genesys-cloud', region }, secret);

  expect(accessToken).toBe(TOKEN);
  expect(recorder.requests).toEqual([
    {
      method: 'POST',
      path: '/oauth/token',
      headers: {
        ...commonHeaders('login', 29),
        'content-type': [FORM],
        // The hyphens of a UUID stay as they are: a server that does not decode Basic must know it too.
        authorization: [`Basic ${btoa('0f1e2d3c-aaaa-bbbb-cccc-0123456789ab:Abc_def-0.9%7Ex')}`],
      },
      body: 'grant_type=client_credentials',
    },
  ]);
});

test('Genesys Cloud: the probe is a GET of tokens/me at the API host', async () => {
  const settings = { provider: 'genesys-cloud', region: `example.test:${recorder.port}` } as const;
  const minter = minterFor(settings, {}, { dispatcher: agent });

  expect(await minter.probe?.(TOKEN, { signal: signal() })).toBe('accepted');
  const { 'content-length': _none, ...headers } = commonHeaders('api', 0);
  expect(recorder.requests).toEqual([
    {
      method: 'GET',
      path: '/api/v2/tokens/me',
      headers: { ...headers, authorization: [`Bearer ${TOKEN}`] },
      body: '',
    },
  ]);
});

test('NICE CXone: discovery, then the password grant with the form-encoded access key', async () => {
  const secret = {
    clientId: 'app@tenant',
    clientSecret: 'c+s=',
    accessKeyId: 'KEY+ID====',
    accessKeySecret: 'key/secret====',
  };
  await mint({ provider: 'nice-cxone', issuer: `https://${host('issuer')}` }, secret);

  const [discovery, request] = recorder.requests;
  expect([discovery?.method, discovery?.path]).toEqual(['GET', '/.well-known/openid-configuration']);
  expect(discovery?.headers.authorization).toBeUndefined();
  const body = 'grant_type=password&username=KEY%2BID%3D%3D%3D%3D&password=key%2Fsecret%3D%3D%3D%3D';
  expect(request).toEqual({
    method: 'POST',
    path: '/connect/token?v=2',
    headers: {
      ...commonHeaders('issuer', body.length),
      'content-type': [FORM],
      authorization: [`Basic ${btoa('app%40tenant:c%2Bs%3D')}`],
    },
    body,
  });
  expect(recorder.requests).toHaveLength(2);
});

test('NICE CXone, access key flow: the pair as JSON, and no Authorization', async () => {
  const secret = { access_key_id: 'KEY"ID====', access_key_secret: 'ü/secret====' };
  await mint({ provider: 'nice-cxone-access-key', area: host('na1') }, secret);

  const body = '{"accessKeyId":"KEY\\"ID====","accessKeySecret":"ü/secret===="}';
  expect(recorder.requests).toEqual([
    {
      method: 'POST',
      path: '/authentication/v1/token/access-key',
      headers: {
        ...commonHeaders('na1', Buffer.byteLength(body)),
        'content-type': ['application/json'],
      },
      body,
    },
  ]);
});

describe('any OAuth 2.0 server', () => {
  const url = () => `https://${host('issuer')}/token`;
  const further = {
    scope: 'read write:all',
    audience: 'https://api.example.test/?a=1&b=2',
    resource: ['https://one.example.test', 'https://two.example.test'],
    parameters: { 'x-tenant': 'ä +' },
  };
  const furtherBody =
    'scope=read+write%3Aall&audience=https%3A%2F%2Fapi.example.test%2F%3Fa%3D1%26b%3D2' +
    '&resource=https%3A%2F%2Fone.example.test&resource=https%3A%2F%2Ftwo.example.test&x-tenant=%C3%A4+%2B';

  test('Basic form-encodes id and secret by RFC 6749 2.3.1, so that a colon cannot split them', async () => {
    await mint({ provider: 'oauth2', tokenUrl: url() }, { client_id: AWKWARD, client_secret: AWKWARD });

    const [request] = recorder.requests;
    expect(basicOf(request)).toBe(`${AWKWARD_ENCODED}:${AWKWARD_ENCODED}`);
    const decoded = basicOf(request)
      .split(':')
      .map((part) => new URLSearchParams(`=${part}`).get(''));
    expect(decoded).toEqual([AWKWARD, AWKWARD]);
    expect(request?.body).toBe('grant_type=client_credentials');
  });

  test('client_secret_post puts id and secret into the form, and no Authorization', async () => {
    const settings = {
      provider: 'oauth2',
      tokenUrl: url(),
      clientAuthentication: 'client_secret_post',
    } as const;
    await mint(settings, { client_id: AWKWARD, client_secret: AWKWARD });

    const [request] = recorder.requests;
    const inForm = AWKWARD_ENCODED.replaceAll('%20', '+');
    expect(request?.headers.authorization).toBeUndefined();
    expect(request?.body).toBe(`grant_type=client_credentials&client_id=${inForm}&client_secret=${inForm}`);
  });

  test('scope, audience, resources and further parameters go into the form', async () => {
    const secret = { client_id: 'ci', client_secret: 's' };
    await mint({ provider: 'oauth2', tokenUrl: url(), ...further }, secret);

    expect(recorder.requests[0]?.body).toBe(`grant_type=client_credentials&${furtherBody}`);
  });

  test('no secret is in any URL, header name or user agent', async () => {
    const secret = { client_id: 'canary-id', client_secret: 'canary-secret' };
    await mint({ provider: 'oauth2', issuer: `https://${host('issuer')}` }, secret);

    expect(recorder.requests).toHaveLength(2);
    for (const { path, headers, body } of recorder.requests) {
      const { authorization: _basic, ...others } = headers;
      expectNoLeak({ path, others, body }, ['canary-id', 'canary-secret']);
    }
  });

  test('the query of a tokenUrl is kept', async () => {
    const secret = { client_id: 'ci', client_secret: 's' };
    await mint({ provider: 'oauth2', tokenUrl: `${url()}?tenant=a%20b` }, secret);

    expect(recorder.requests[0]?.path).toBe('/token?tenant=a%20b');
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1') => key.export({ type, format: 'pem' });
  test.each([
    ['PEM, PKCS #8, RSA', pem(rsa.privateKey, 'pkcs8'), rsa.publicKey, { alg: 'RS256' }],
    ['PEM, PKCS #1, RSA', pem(rsa.privateKey, 'pkcs1'), rsa.publicKey, { alg: 'RS256' }],
    ['PEM, SEC 1, EC', pem(ec.privateKey, 'sec1'), ec.publicKey, { alg: 'ES256' }],
    [
      'JWK with a key id, as an object',
      { ...ec.privateKey.export({ format: 'jwk' }), kid: 'k1' },
      ec.publicKey,
      { alg: 'ES256', kid: 'k1' },
    ],
    [
      'JWK as a string',
      JSON.stringify(rsa.privateKey.export({ format: 'jwk' })),
      rsa.publicKey,
      { alg: 'RS256' },
    ],
  ])(
    'private_key_jwt signs an assertion (%s), and sends no secret',
    async (_case, key, publicKey, expected) => {
      const now = () => new Date('2030-01-01T00:00:00Z');
      const settings = {
        provider: 'oauth2',
        tokenUrl: url(),
        clientAuthentication: 'private_key_jwt',
      } as const;
      const secret = { AWSCURRENT: { client_id: 'ci', private_key: key } };
      await minterFor(settings, secret, { dispatcher: agent, now }).mint({ signal: signal() });

      const [request] = recorder.requests;
      expect(request?.headers.authorization).toBeUndefined();
      const form = new URLSearchParams(request?.body);
      const assertion = form.get('client_assertion') ?? '';
      expect([...form.keys()].sort()).toEqual([
        'client_assertion',
        'client_assertion_type',
        'client_id',
        'grant_type',
      ]);
      expect(form.get('client_assertion_type')).toBe(
        'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      );
      const [header = '', claims = '', signature = ''] = assertion.split('.');
      expect(decode(header)).toEqual(expected);
      const seconds = now().getTime() / 1000;
      expect(decode(claims)).toMatchObject({ iss: 'ci', sub: 'ci', aud: url() });
      expect(decode(claims)).toMatchObject({ iat: seconds, nbf: seconds, exp: seconds + 60 });
      const verify = createVerify('SHA256').update(`${header}.${claims}`);
      expect(
        verify.verify({ key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')),
      ).toBe(true);
    },
  );

  test('with discovery the assertion is for the issuer', async () => {
    const issuer = `https://${host('issuer')}`;
    const settings = { provider: 'oauth2', issuer, clientAuthentication: 'private_key_jwt' } as const;
    await mint(settings, { client_id: 'ci', private_key: pem(ec.privateKey, 'pkcs8') });

    const assertion = new URLSearchParams(recorder.requests[1]?.body).get('client_assertion') ?? '';
    expect(decode(assertion.split('.')[1] ?? '')).toMatchObject({ aud: issuer });
  });
});

function decode(part: string) {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}
