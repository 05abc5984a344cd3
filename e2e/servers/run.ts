/**
 * `npm run e2e:servers`: mints with authorization servers that others wrote, Keycloak and Authlib, by the recipe of
 * docs/recipes.md and by each way of client authentication. `-- authlib` or `-- keycloak` runs one of them. Exit status
 * 0: every step passed.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { parseTokens } from '../../infra/configuration/tokens-configuration.ts';
import { RefreshError } from '../../lambda/errors.ts';
import { createMinter } from '../../lambda/mint/create-minter.ts';
import type { MintedToken } from '../../lambda/mint/minter.ts';
import type { SecretStage } from '../../lambda/mint/secret.ts';
import type { ServerProcess } from '../server-process.ts';
import { createSteps } from '../steps.ts';
import { type AuthlibClient, startAuthlib } from './authlib.ts';
import { REALM, startKeycloak } from './keycloak.ts';

const { step, heading, finish } = createSteps((line) => process.stdout.write(`${line}\n`));
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));
}

const PLAIN = { client_id: 'plain', client_secret: 'canary-plain' };
const AWKWARD = { client_id: 'awk:ward %+', client_secret: 'canary s%c+d&e=f g/!~()' };
const POST = { client_id: 'post', client_secret: AWKWARD.client_secret };
const WRONG = { ...PLAIN, client_secret: 'canary-wrong' };
const KEYS: Readonly<Record<string, { readonly privateKey: KeyObject; readonly publicKey: KeyObject }>> = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
};

const wanted = process.argv.slice(2);
await withServer('Keycloak', () => startKeycloak(keycloakClients(), interruption.signal), playKeycloak);
await withServer('Authlib', () => startAuthlib(authlibClients(), interruption.signal), playAuthlib);
process.exitCode = finish();

async function withServer(
  name: string,
  start: () => Promise<ServerProcess>,
  play: (server: ServerProcess) => Promise<void>,
): Promise<void> {
  if (wanted.length > 0 && !wanted.includes(name.toLowerCase())) return;
  heading(name);
  let server: ServerProcess | undefined;
  await step('starts', async () => {
    server = await start();
  });
  if (server === undefined) return;
  try {
    await play(server);
  } finally {
    await server.stop();
  }
}

/** Asks the server about a token of this client. */
type Check = (minted: MintedToken, clientId: string) => Promise<void>;

async function playKeycloak({ url }: ServerProcess): Promise<void> {
  const issuer = `${url}/realms/${REALM}`;
  const oidc = `${issuer}/protocol/openid-connect`;
  const check: Check = async ({ accessToken, expiresAt, issuedAt, warnings }) => {
    const response = await fetch(`${oidc}/token/introspect`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${PLAIN.client_id}:${PLAIN.client_secret}`)}` },
      body: new URLSearchParams({ token: accessToken }),
    });
    assert.equal(((await response.json()) as { active: boolean }).active, true);
    // Keycloak counts from its own start of the request, in whole seconds: a slow server promises a little less.
    const lifetimeSeconds = (expiresAt.getTime() - issuedAt.getTime()) / 1000;
    assert(lifetimeSeconds <= 3600 && lifetimeSeconds > 3590, `The token lives ${lifetimeSeconds} s.`);
    assert.deepEqual(warnings, []);
  };
  await mintsWithSecrets({ issuer }, check);
  for (const [alg, { privateKey }] of Object.entries(KEYS)) {
    // RS256, ES256 and EdDSA are the defaults of a PEM key.
    const private_key =
      alg === 'PS256'
        ? { ...privateKey.export({ format: 'jwk' }), alg }
        : privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const settings = { issuer, clientAuthentication: 'private_key_jwt' };
    const secret = { client_id: alg, private_key };
    await mints(`private_key_jwt, ${alg}, for the issuer`, settings, secret, check);
    const forEndpoint = { ...settings, assertionAudience: `${oidc}/token` };
    await mints(`private_key_jwt, ${alg}, for the token endpoint`, forEndpoint, secret, check);
  }
}

async function playAuthlib({ url }: ServerProcess): Promise<void> {
  await mintsWithSecrets({ tokenUrl: `${url}/token` }, async ({ accessToken }, clientId) => {
    const response = await fetch(`${url}/owner`, { headers: { authorization: `Bearer ${accessToken}` } });
    assert.equal(await response.json(), clientId);
  });
}

async function mintsWithSecrets(settings: object, check: Check): Promise<void> {
  const post = { ...settings, clientAuthentication: 'client_secret_post' };
  await mints('Basic', settings, PLAIN, check);
  await mints('Basic with characters that need encoding', settings, AWKWARD, check);
  await mints('client_secret_post', post, POST, check);
  await step('a wrong secret: TOKEN_REJECTED; the right one as AWSPREVIOUS is used', async () => {
    const error = await mint(settings, { AWSCURRENT: WRONG }).catch((caught: unknown) => caught);
    assert(error instanceof RefreshError);
    assert.equal(error.code, 'TOKEN_REJECTED');
    assert.match(error.message, /The client id, secret or key is wrong/);
    assert.doesNotMatch(error.message, /canary/);
    const minted = await mint(settings, { AWSCURRENT: WRONG, AWSPREVIOUS: PLAIN });
    await check(minted, PLAIN.client_id);
    assert.equal(minted.secretStage, 'AWSPREVIOUS');
  });
}

function mints(title: string, settings: object, secret: { client_id: string }, check: Check) {
  return step(title, async () => check(await mint(settings, { AWSCURRENT: secret }), secret.client_id));
}

function mint(settings: object, stages: Partial<Record<SecretStage, object>>): Promise<MintedToken> {
  const target = { account: undefined, region: undefined };
  const [token] = parseTokens([{ name: 'e2e', provider: 'oauth2', ...settings }], target);
  assert(token !== undefined);
  const minter = createMinter({
    config: {
      providerSettings: token.provider,
      secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:e2e-AbCdEf',
      assumedLifetimeMs: 900_000,
    },
    now: () => new Date(),
    readSecret: async (stage) => {
      const value = stages[stage];
      if (value === undefined) throw new RefreshError('SECRET_UNAVAILABLE', `There is no ${stage}.`);
      return { text: JSON.stringify(value), createdAt: undefined };
    },
  });
  return minter.mint({ signal: AbortSignal.any([interruption.signal, AbortSignal.timeout(20_000)]) });
}

/** As the recipe says: client authentication and service accounts on, the standard flow off. */
function keycloakClients(): object[] {
  // Keycloak describes a token only to a client that is one of its audiences.
  const audience = {
    name: 'audience',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-audience-mapper',
    config: { 'included.client.audience': PLAIN.client_id, 'access.token.claim': 'true' },
  };
  const common = {
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
    publicClient: false,
    protocolMappers: [audience],
  };
  const withSecret = [PLAIN, AWKWARD, POST].map(({ client_id, client_secret }) => ({
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

function authlibClients(): AuthlibClient[] {
  const basic = [PLAIN, AWKWARD].map((client) => ({
    ...client,
    auth_method: 'client_secret_basic' as const,
  }));
  return [...basic, { ...POST, auth_method: 'client_secret_post' }];
}
