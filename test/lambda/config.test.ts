import { parseConfig } from '../../lambda/config.ts';
import { expectNoLeak } from '../support/leaks.ts';

const tokenUrl = 'https://login.example.test/token';
const environment = (settings: unknown) => ({
  TOKEN_NAME: 'ci',
  PROVIDER_SETTINGS: typeof settings === 'string' ? settings : JSON.stringify(settings),
  SECRET_ARN: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci-AbCdEf',
  TOKEN_PARAMETER: '/ci/ci/access-token',
  STATUS_PARAMETER: '/ci/ci/token-status',
  REFRESH_INTERVAL_SECONDS: '3000',
  ASSUMED_LIFETIME_SECONDS: '900',
});

test.each<[string, unknown, string]>([
  ['missing', '', 'PROVIDER_SETTINGS is not set'],
  ['not JSON', '{', 'PROVIDER_SETTINGS is not a JSON object'],
  ['null', 'null', 'PROVIDER_SETTINGS is not a JSON object'],
  ['a list', '[]', 'PROVIDER_SETTINGS is not a JSON object'],
  ['without a provider', {}, 'PROVIDER_SETTINGS.provider is missing'],
  ['of an unknown provider', { provider: 'okta' }, 'PROVIDER_SETTINGS.provider "okta" is not one of'],
  ['of an inherited name', { provider: 'constructor' }, 'PROVIDER_SETTINGS.provider "constructor" is not'],
  ['of a provider that is a number', { provider: 7 }, 'PROVIDER_SETTINGS.provider 7 is not one of'],
  ['genesys-cloud alone', { provider: 'genesys-cloud' }, 'PROVIDER_SETTINGS.region is missing'],
  [
    'a region that is an object',
    { provider: 'genesys-cloud', region: {} },
    'PROVIDER_SETTINGS.region {} is not',
  ],
  [
    'a URL as region',
    { provider: 'genesys-cloud', region: 'https://mypurecloud.de' },
    'is not a region of Genesys Cloud',
  ],
  [
    'a path in the region',
    { provider: 'genesys-cloud', region: 'evil.test/mypurecloud.de' },
    'is not a region of Genesys Cloud',
  ],
  [
    'an unlisted domain',
    { provider: 'genesys-cloud', region: 'evil.test' },
    'is not a known domain of Genesys Cloud',
  ],
  ['nice-cxone-access-key alone', { provider: 'nice-cxone-access-key' }, 'PROVIDER_SETTINGS.area is missing'],
  [
    'a user in the area',
    { provider: 'nice-cxone-access-key', area: 'a@evil.test' },
    'is not an area of CXone',
  ],
  [
    'an empty issuer',
    { provider: 'nice-cxone', issuer: '' },
    'PROVIDER_SETTINGS.issuer "" is not an https URL',
  ],
  ['plain http', { provider: 'oauth2', tokenUrl: 'http://example.test/token' }, 'is not an https URL'],
  [
    'http to a name that looks like loopback',
    { provider: 'oauth2', tokenUrl: 'http://127.example.test/' },
    'is not an https URL',
  ],
  ['no URL', { provider: 'oauth2', tokenUrl: 'login.example.test' }, 'is not an https URL'],
  ['another scheme', { provider: 'oauth2', tokenUrl: 'file:///etc/passwd' }, 'is not an https URL'],
  [
    'a password in the URL',
    { provider: 'oauth2', tokenUrl: 'https://a:canary@example.test' },
    '"https://…@example.test" is not an https URL',
  ],
  ['a fragment', { provider: 'oauth2', tokenUrl: `${tokenUrl}#a` }, 'is not an https URL'],
  [
    'neither tokenUrl nor issuer',
    { provider: 'oauth2' },
    'PROVIDER_SETTINGS.tokenUrl is missing, and so is issuer',
  ],
  ['both', { provider: 'oauth2', tokenUrl, issuer: 'https://example.test' }, 'is set beside issuer'],
  [
    'the discovery document as issuer',
    { provider: 'oauth2', issuer: 'https://example.test/.well-known/openid-configuration' },
    'is the URL of the discovery document',
  ],
  ['an issuer with a query', { provider: 'oauth2', issuer: 'https://example.test/?a' }, 'has a query'],
  [
    'a probe without TLS',
    { provider: 'oauth2', tokenUrl, probeUrl: 'http://example.test' },
    'is not an https URL',
  ],
  [
    'a second grant_type',
    { provider: 'oauth2', tokenUrl, parameters: { grant_type: 'x' } },
    'PROVIDER_SETTINGS.parameters.grant_type is set by the token request itself',
  ],
  ['parameters as a text', { provider: 'oauth2', tokenUrl, parameters: 'x' }, 'is not an object of texts'],
  [
    'a scope that is a list',
    { provider: 'oauth2', tokenUrl, scope: ['a'] },
    'PROVIDER_SETTINGS.scope ["a"] is not',
  ],
  [
    'an unknown client authentication',
    { provider: 'oauth2', tokenUrl, clientAuthentication: 'none' },
    'PROVIDER_SETTINGS.clientAuthentication "none" is not one of',
  ],
])('provider settings that were tampered with are CONFIG_INVALID: %s', (_case, settings, message) => {
  const parse = () => parseConfig(environment(settings));

  expect(parse).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) }),
  );
  expectNoLeak(thrown(parse), ['canary']);
});

test.each(['http://127.0.0.1:1/t', 'http://127.9.9.9/t', 'http://[::1]:1/t', 'http://localhost:1/t'])(
  'plain http to loopback is taken: %s',
  (loopback) => {
    const settings = { provider: 'oauth2', tokenUrl: loopback };

    expect(parseConfig(environment(settings)).providerSettings).toEqual(settings);
  },
);

test('a proxy that is not a URL is CONFIG_INVALID, without its password in the message', () => {
  const settings = { provider: 'oauth2', tokenUrl };
  const parse = (proxy: string) => parseConfig({ ...environment(settings), HTTPS_PROXY: proxy });

  expect(() => parse('user:canary@proxy:3128')).toThrow('HTTPS_PROXY is not an http or https URL');
  expectNoLeak(
    thrown(() => parse('user:canary@proxy:3128')),
    ['canary'],
  );
  expect(parse('http://proxy:3128').proxy).toEqual({ httpsProxy: 'http://proxy:3128', noProxy: '' });
});

test('every variable that is wrong is named', () => {
  const parse = () => parseConfig({ REFRESH_INTERVAL_SECONDS: '0', ASSUMED_LIFETIME_SECONDS: 'x' });

  for (const problem of [
    'TOKEN_NAME is not set',
    'PROVIDER_SETTINGS is not set',
    'SECRET_ARN is not set',
    'TOKEN_PARAMETER is not set',
    'STATUS_PARAMETER is not set',
    'REFRESH_INTERVAL_SECONDS is "0"',
    'ASSUMED_LIFETIME_SECONDS is "x"',
  ]) {
    expect(parse).toThrow(problem);
  }
});

function thrown(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}
