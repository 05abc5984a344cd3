import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfiguration } from '../../../infra/configuration/app-configuration.ts';
import type { MintedToken } from '../../../lambda/mint/minter.ts';
import type { SecretStage } from '../../../lambda/mint/secret.ts';
import { minterFor, signal } from '../../../test/lambda/mint/minting.ts';
import { ROOT, type ServerProcess, startServerProcess, WORK_DIRECTORY } from '../server-process.ts';

const PLAIN = { client_id: 'plain', client_secret: 'canary-plain' };
const AWKWARD = { client_id: 'awk:ward %+', client_secret: 'canary s%c+d&e=f g/!~()' };

const VERSION = '26.7.0';
const HOME = join(ROOT, `.venv/keycloak-${VERSION}`);
/** Keycloak builds itself first, which takes minutes on a busy machine. */
const READY_SECONDS = 600;
const KEYS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
};

/** Keycloak's own distribution, with one realm in memory. */
let server: ServerProcess;
beforeAll(
  async () => {
    install();
    const imports = join(HOME, 'data/import');
    rmSync(join(HOME, 'data'), { recursive: true, force: true });
    mkdirSync(imports, { recursive: true });
    const realm = { realm: 'ci', enabled: true, sslRequired: 'none', accessTokenLifespan: 3600 };
    writeFileSync(join(imports, 'ci-realm.json'), JSON.stringify({ ...realm, clients: clients() }));
    const options = ['--db=dev-mem', '--cache=local', '--http-host=127.0.0.1', '--import-realm'];
    server = await startServerProcess({
      command: (port) => [join(HOME, 'bin/kc.sh'), 'start-dev', ...options, `--http-port=${port}`],
      env: () => ({ PATH: process.env.PATH, HOME: WORK_DIRECTORY, JAVA_HOME: process.env.JAVA_HOME }),
      logFile: 'keycloak.log',
      readyPath: '/realms/ci',
      readySeconds: READY_SECONDS,
    });
  },
  2 * READY_SECONDS * 1000,
);
afterAll(() => server.stop());

const issuer = () => `${server.url}/realms/ci`;
const endpoint = (name: string) => `${issuer()}/protocol/openid-connect/${name}`;

/** Expects that Keycloak accepts the token, and that its lifetime is the realm's. */
async function check({ accessToken, expiresAt, issuedAt }: MintedToken): Promise<void> {
  const response = await fetch(endpoint('token/introspect'), {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${PLAIN.client_id}:${PLAIN.client_secret}`)}` },
    body: new URLSearchParams({ token: accessToken }),
  });
  expect(await response.json()).toMatchObject({ active: true });
  // Keycloak counts from its own start of the request, in whole seconds: a slow server promises a little less.
  const lifetimeSeconds = (expiresAt.getTime() - issuedAt.getTime()) / 1000;
  expect(lifetimeSeconds).toBeLessThanOrEqual(3600);
  expect(lifetimeSeconds).toBeGreaterThan(3590);
}

test.each([['client_secret_basic'], ['client_secret_post']])(
  '%s, with characters that need encoding',
  async (clientAuthentication) => {
    await check(await mint({ issuer: issuer(), clientAuthentication }, { AWSCURRENT: AWKWARD }));
  },
);

test('a wrong secret: TOKEN_REJECTED; the right one as AWSPREVIOUS is used', async () => {
  const AWSCURRENT = { ...PLAIN, client_secret: 'canary-wrong' };

  await expect(mint({ issuer: issuer() }, { AWSCURRENT })).rejects.toMatchObject({
    code: 'TOKEN_REJECTED',
    message: expect.stringMatching(/^(?!.*canary).*The client id or secret is wrong/s),
  });
  await check(await mint({ issuer: issuer() }, { AWSCURRENT, AWSPREVIOUS: PLAIN }));
});

test.each(Object.entries(KEYS))(
  'private_key_jwt, %s, for the issuer or the token endpoint',
  async (alg, key) => {
    // RS256, ES256 and EdDSA are the defaults of a PEM key.
    const private_key =
      alg === 'PS256'
        ? { ...key.privateKey.export({ format: 'jwk' }), alg }
        : key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const settings = { issuer: issuer(), clientAuthentication: 'private_key_jwt' };
    const secret = { AWSCURRENT: { client_id: alg, private_key } };

    await check(await mint(settings, secret));
    await check(await mint({ ...settings, assertionAudience: endpoint('token') }, secret));
  },
);

/** Mints with these settings of an `oauth2` token, and these versions of its secret. */
function mint(settings: object, stages: Partial<Record<SecretStage, object>>): Promise<MintedToken> {
  const target = { account: undefined, region: undefined };
  const [token] = readConfiguration(
    { tokens: [{ name: 'e2e', provider: 'oauth2', ...settings }] },
    target,
  ).tokens;
  if (token === undefined) throw new Error('no token');
  return minterFor(token.provider, stages).mint({ signal: signal() });
}

/** Fetches and unpacks the distribution, once. Needs Maven. */
function install(): void {
  if (existsSync(HOME)) return;
  const download = `${HOME}-download`;
  rmSync(download, { recursive: true, force: true });
  mkdirSync(download, { recursive: true });
  const artifact = `-Dartifact=org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`;
  const words = ['--quiet', '--batch-mode', 'dependency:unpack', artifact, `-DoutputDirectory=${download}`];
  // Where Maven may leave files of its own.
  execFileSync('mvn', words, { cwd: download });
  // Last: an installation that was interrupted is done again.
  renameSync(join(download, `keycloak-${VERSION}`), HOME);
  rmSync(download, { recursive: true });
}

/** As the recipe says: client authentication and service accounts on, the standard flow off. */
function clients(): object[] {
  // Keycloak describes a token only to a client that is one of its audiences.
  const audience = {
    name: 'audience',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-audience-mapper',
    config: { 'included.client.audience': PLAIN.client_id, 'access.token.claim': 'true' },
  };
  const flows = { serviceAccountsEnabled: true, standardFlowEnabled: false, publicClient: false };
  const common = { ...flows, protocolMappers: [audience] };
  const withSecret = [PLAIN, AWKWARD].map(({ client_id, client_secret }) => ({
    ...common,
    clientId: client_id,
    clientAuthenticatorType: 'client-secret',
    secret: client_secret,
  }));
  const withKey = Object.entries(KEYS).map(([alg, { publicKey }]) => ({
    ...common,
    clientId: alg,
    clientAuthenticatorType: 'client-jwt',
    attributes: {
      'use.jwks.string': 'true',
      'jwks.string': JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'sig', alg }] }),
    },
  }));
  return [...withSecret, ...withKey];
}
