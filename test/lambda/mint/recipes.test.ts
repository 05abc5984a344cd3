import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MockAgent } from 'undici';
import { parseTokens } from '../../../infra/configuration/tokens-configuration.ts';
import { minterFor, signal } from './minting.ts';

const TOKEN_PATHS: Readonly<Record<string, string>> = {
  'https://keycloak.example.com': '/realms/ci/protocol/openid-connect/token',
  'https://hydra.example.com': '/oauth2/token',
};
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const CLIENT = { client_id: 'ci', client_secret: 'canary-secret' };
const BASIC = `Basic ${btoa('ci:canary-secret')}`;

/** A request as the vendor's documentation describes it. */
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

test('every recipe of the page is compared, and there is one for each server', () => {
  expect(recipes.map(({ name }) => name)).toEqual(
    Object.entries(DOCUMENTED).flatMap(([server, all]) => all.map((_, index) => `${server} ${index + 1}`)),
  );
});

test.each(recipes)('the request for $name is the one that the vendor documents', async (recipe) => {
  const [token] = parseTokens([recipe.token], { account: undefined, region: undefined });
  if (token === undefined) throw new Error('nothing to compare');
  const secret = { ...CLIENT, private_key: privateKey.export({ format: 'jwk' }) };
  const sent: Documented[] = [];
  const vendor = new MockAgent();
  vendor.disableNetConnect();
  const servers = vendor.get(/^https:/);
  servers.intercept({ path: () => true, method: 'GET' }).reply(200, ({ origin, path }) => {
    const issuer = `${origin}${path.replace('/.well-known/openid-configuration', '')}`;
    return { issuer, token_endpoint: `${origin}${TOKEN_PATHS[String(origin)]}` };
  });
  servers.intercept({ path: () => true, method: 'POST' }).reply(200, ({ origin, path, headers, body }) => {
    const form = Object.fromEntries(new URLSearchParams(String(body)));
    const { authorization } = headers as { authorization?: string };
    sent.push({
      url: `${origin}${path}`,
      form,
      ...(authorization && { authorization }),
      ...(form.client_assertion && { assertionAudience: audienceOf(form.client_assertion) }),
    });
    return { access_token: 't', expires_in: 3600 };
  });

  await minterFor(token.provider, { AWSCURRENT: secret }, { dispatcher: vendor }).mint({ signal: signal() });

  expect(sent).toEqual([recipe.documented]);
});

function audienceOf(assertion: string): string {
  return JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()).aud;
}
