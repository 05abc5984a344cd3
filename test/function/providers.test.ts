import { generateKeyPairSync } from 'node:crypto';
import type { JWK } from 'jose';
import { type Harness, openHarness } from '../../local/harness.ts';
import { expectNoLeaks } from './harnesses.ts';

/*
 * Mints with every provider and with a signed assertion in the deployed bundle, over TLS: esbuild must not
 * have removed code that one of them needs. At the highest log level of Node.js and the clients nothing that the functions
 * write, answer or store beside the tokens holds a token or a secret.
 */
const LOUDEST = {
  NODE_DEBUG: 'http,https,net,tls,undici,fetch,stream,timer,module',
  NODE_DEBUG_NATIVE: 'http2',
  AWS_LAMBDA_LOG_LEVEL: 'TRACE',
  AWS_LAMBDA_LOG_FORMAT: 'JSON',
  LOG_LEVEL: 'trace',
  DEBUG: '*',
};

const clientSecret = 'c4n4ry:+%& =secret';
const accessKey = { access_key_id: 'c4n4ry-id====', access_key_secret: 'c4n4ry-access-key====' };
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const jwk = { ...publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' } as JWK;
const CANARIES = [
  clientSecret,
  ...Object.values(accessKey),
  ...pem.split('\n').filter((line) => line.length > 30),
];

const SECRETS: Readonly<Record<string, object>> = {
  basic: { client_id: 'basic', client_secret: clientSecret },
  jwt: { client_id: 'jwt', private_key: pem },
  cxone: { client_id: 'basic', client_secret: clientSecret, ...accessKey },
  key: accessKey,
};

let harness: Harness;

beforeAll(async () => {
  harness = await openHarness({
    environment: LOUDEST,
    hosts: ['login.provider.test', 'api.provider.test', 'provider.test'],
    server: {
      clients: [
        { clientId: 'basic', clientSecret },
        { clientId: 'jwt', authMethod: 'private_key_jwt', jwks: { keys: [jwk] } },
      ],
      accessKeys: { [accessKey.access_key_id]: accessKey.access_key_secret },
    },
    moreTokens: ({ authorizationServer: { tokenUrl, issuer, port } }) => [
      {
        name: 'genesys',
        provider: 'genesys-cloud',
        region: `provider.test:${port}`,
        allowUnlistedDomain: true,
        secretName: 'basic',
      },
      { name: 'cxone', provider: 'nice-cxone', issuer, secretName: 'cxone' },
      {
        name: 'cxone-access-key',
        provider: 'nice-cxone-access-key',
        area: `login.provider.test:${port}`,
        secretName: 'key',
      },
      {
        name: 'jwt',
        provider: 'oauth2',
        tokenUrl,
        clientAuthentication: 'private_key_jwt',
        secretName: 'jwt',
      },
    ],
  });
  for (const [Name, value] of Object.entries(SECRETS))
    harness.administer('CreateSecret', { Name, SecretString: JSON.stringify(value) });
});
afterAll(() => harness.close());

test.each(['genesys', 'cxone', 'cxone-access-key', 'jwt'])(
  'the bundle mints for the token "%s", and tells no secret where it is refused',
  async (name) => {
    const minted = await harness.invoke({}, name);
    const stored = harness.stored(name)?.value ?? '';
    const diagnosed = await harness.invoke({ diagnose: true }, name);
    harness.authorizationServer.faults.always('token', { kind: 'answer', status: 401 });
    const refused = await harness.invoke({ force: true }, name).catch(({ name: code }) => code);
    harness.clearFaults();

    expect(minted).toMatchObject({ outcome: 'refreshed', reason: 'no-token', satisfied: true });
    expect(diagnosed).toMatchObject({ healthy: true });
    expect(await harness.authorizationServer.introspect(stored)).toMatchObject({ active: true });
    expect(refused).toBe('TOKEN_REJECTED');
    expect(harness.written().split('\n').length).toBeGreaterThan(100);
    expectNoLeaks(harness, CANARIES);
  },
);
