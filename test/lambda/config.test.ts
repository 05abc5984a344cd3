import { parseConfig } from '../../lambda/config.ts';
import { PROVIDERS } from '../../lambda/providers/providers.ts';
import { ENVIRONMENT } from './environment.ts';

const tokenUrl = 'https://login.example.test/token';
const environment = (settings: unknown) => ({
  ...ENVIRONMENT,
  PROVIDER_SETTINGS: typeof settings === 'string' ? settings : JSON.stringify(settings),
});

// Each setting is checked at synth: test/infra/configuration/wrong-values.ts.
const plain = 'http://id.test';
test.each<[string, unknown, string]>([
  ['missing', '', 'is not set'],
  ['no JSON', '{', 'is not JSON with the settings of a provider'],
  ['of an unknown provider', { provider: 'okta' }, 'is not JSON with'],
  ['of an inherited name', { provider: 'constructor' }, 'is not JSON with'],
  ['with plain http', { provider: 'oauth2', tokenUrl: plain }, 'has a URL that'],
  ['with a plain probe', { provider: 'oauth2', tokenUrl, probeUrl: plain }, 'has a URL that'],
  ['with a password', { provider: 'nice-cxone', issuer: 'https://a:canary@b.test' }, 'has a URL that'],
])('provider settings that were tampered with are CONFIG_INVALID: %s', (_case, settings, message) => {
  const parse = () => parseConfig(environment(settings));

  expect(parse).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`PROVIDER_SETTINGS ${message}`),
    }),
  );
  expect(parse).not.toThrow('canary');
});

// NICE CXone's one setting is optional.
const withRequired = Object.keys(PROVIDERS).filter((name) => name !== 'nice-cxone');
test.each(withRequired)('%s without its required settings is CONFIG_INVALID', (provider) => {
  const texts = ['region', 'area', 'tokenUrl', 'issuer'];
  for (const value of [undefined, '', true]) {
    const settings = Object.fromEntries(texts.map((name) => [name, value]));

    expect(() => parseConfig(environment({ ...settings, provider }))).toThrow('PROVIDER_SETTINGS ');
  }
});

test('plain http to loopback is taken', () => {
  const settings = { provider: 'oauth2', tokenUrl: 'http://127.9.9.9/t', probeUrl: 'http://[::1]:1' };

  expect(parseConfig(environment(settings)).providerSettings).toEqual(settings);
});

test('a proxy that is not a URL is CONFIG_INVALID, without its password in the message', () => {
  const settings = { provider: 'oauth2', tokenUrl };
  const parse = (proxy: string) => parseConfig({ ...environment(settings), HTTPS_PROXY: proxy });

  expect(() => parse('user:canary@proxy:3128')).toThrow('HTTPS_PROXY is not an http or https URL');
  expect(() => parse('user:canary@proxy:3128')).not.toThrow('canary');
  expect(parse('http://proxy:3128').proxy).toEqual({ httpsProxy: 'http://proxy:3128', noProxy: '' });
});

test('every variable that is wrong is named', () => {
  const parse = () =>
    parseConfig({ REFRESH_INTERVAL_SECONDS: '0', ASSUMED_LIFETIME_SECONDS: 'x', PARAMETER_TAGS: '{' });

  const missing = ['TOKEN_NAME', 'PROVIDER_SETTINGS', 'SECRET_ARN', 'TOKEN_PARAMETER', 'STATUS_PARAMETER'];
  for (const name of missing) expect(parse).toThrow(`${name} is not set`);
  for (const problem of [
    'REFRESH_INTERVAL_SECONDS is "0"',
    'ASSUMED_LIFETIME_SECONDS is "x"',
    'PARAMETER_TAGS is not JSON',
  ]) {
    expect(parse).toThrow(problem);
  }
});
