import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, buildConnector } from 'undici';
import { parseTokens } from '../../../infra/configuration/tokens-configuration.ts';
import { createCertificateAuthority } from '../../../local/certificate-authority.ts';
import { type Recorder, startRecorder } from '../../support/recorder.ts';
import { minterFor, signal } from './minting.ts';

const TOKEN_PATHS: Readonly<Record<string, string>> = {
  'keycloak.example.com': '/realms/ci/protocol/openid-connect/token',
  'hydra.example.com': '/oauth2/token',
};
const HOSTS = [
  ...Object.keys(TOKEN_PATHS),
  'example.okta.com',
  'example.eu.auth0.com',
  'login.microsoftonline.com',
];
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const CLIENT = { client_id: 'ci', client_secret: 'canary-secret' };
const BASIC = `Basic ${btoa('ci:canary-secret')}`;

/** What the vendor's documentation says the request has to be. */
interface Documented {
  readonly url: string;
  readonly authorization?: string;
  readonly form: Readonly<Record<string, string>>;
  /** The `aud` of a client assertion. */
  readonly assertionAudience?: string;
}

const ASSERTION = {
  grant_type: 'client_credentials',
  client_id: 'ci',
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
};

/** By heading of the page, in its order. The pages are linked in docs/recipes.md. */
const DOCUMENTED: Readonly<Record<string, readonly Documented[]>> = {
  Keycloak: [
    {
      url: 'https://keycloak.example.com/realms/ci/protocol/openid-connect/token',
      authorization: BASIC,
      form: { grant_type: 'client_credentials' },
    },
  ],
  Okta: [
    {
      url: 'https://example.okta.com/oauth2/default/v1/token',
      authorization: BASIC,
      form: { grant_type: 'client_credentials', scope: 'deploy' },
    },
  ],
  Auth0: [
    {
      url: 'https://example.eu.auth0.com/oauth/token',
      form: { grant_type: 'client_credentials', audience: 'https://api.example.com', ...CLIENT },
    },
  ],
  'Microsoft Entra ID': [
    {
      url: 'https://login.microsoftonline.com/00000000-1111-2222-3333-444444444444/oauth2/v2.0/token',
      form: { grant_type: 'client_credentials', scope: 'api://example-api/.default', ...CLIENT },
    },
  ],
  'Ory Hydra': [
    {
      url: 'https://hydra.example.com/oauth2/token',
      authorization: BASIC,
      form: { grant_type: 'client_credentials', scope: 'deploy', audience: 'https://api.example.com' },
    },
    {
      url: 'https://hydra.example.com/oauth2/token',
      form: ASSERTION,
      assertionAudience: 'https://hydra.example.com/oauth2/token',
    },
  ],
};

const page = readFileSync(new URL('../../../docs/recipes.md', import.meta.url), 'utf8');
const recipes = page.split(/^## /m).flatMap((section) =>
  [...section.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, json = ''], index) => ({
    name: `${section.split('\n')[0]} ${index + 1}`,
    token: JSON.parse(json) as object,
    documented: DOCUMENTED[section.split('\n')[0] ?? '']?.[index],
  })),
);

let recorder: Recorder;
let agent: Agent;

beforeAll(async () => {
  const authority = await createCertificateAuthority();
  recorder = await startRecorder(
    ({ headers, path }) => {
      const host = headers.host?.[0] ?? '';
      if (!path.includes('/.well-known/')) return { body: '{"access_token":"t","expires_in":3600}' };
      const issuer = `https://${host}${path.replace('/.well-known/openid-configuration', '')}`;
      return { body: JSON.stringify({ issuer, token_endpoint: `https://${host}${TOKEN_PATHS[host]}` }) };
    },
    await authority.issue(HOSTS),
  );
  const connector = buildConnector({ ca: authority.certificate });
  // The vendors' own names and port 443, but on this machine.
  agent = new Agent({
    connect: (options, callback) =>
      connector(
        {
          ...options,
          hostname: '127.0.0.1',
          port: String(recorder.port),
          servername: options.servername ?? options.hostname,
        },
        callback,
      ),
  });
});

afterAll(async () => {
  await agent.destroy();
  await recorder.close();
});

test('every recipe of the page is compared, and there is one for each server', () => {
  expect(recipes.map(({ name }) => name)).toEqual(
    Object.entries(DOCUMENTED).flatMap(([server, all]) => all.map((_, index) => `${server} ${index + 1}`)),
  );
});

test.each(recipes)('the request for $name is the one that the vendor documents', async (recipe) => {
  const target = { account: undefined, region: undefined };
  const [token] = parseTokens([recipe.token], target);
  if (token === undefined || recipe.documented === undefined) throw new Error('nothing to compare');
  const secret = { ...CLIENT, private_key: privateKey.export({ format: 'jwk' }) };
  const minter = minterFor(token.provider, { AWSCURRENT: secret }, { dispatcher: agent });

  await minter.mint({ signal: signal() });

  const request = recorder.requests.at(-1);
  const form = Object.fromEntries(new URLSearchParams(request?.body));
  expect({
    method: request?.method,
    url: `https://${request?.headers.host?.[0]}${request?.path}`,
    contentType: request?.headers['content-type']?.[0],
    authorization: request?.headers.authorization?.[0],
    form,
    assertionAudience: audienceOf(form.client_assertion),
  }).toEqual({
    method: 'POST',
    contentType: 'application/x-www-form-urlencoded',
    authorization: undefined,
    assertionAudience: undefined,
    ...recipe.documented,
  });
});

function audienceOf(assertion: string | undefined): string | undefined {
  if (assertion === undefined) return undefined;
  return JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()).aud;
}
