import type { ProviderSettings } from '../../lambda/contract.ts';
import { sourceOf } from '../../lambda/source.ts';

const ARN = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/oauth-AbCdEf';
const settings = {
  provider: 'oauth2',
  tokenUrl: 'https://login.example.com/oauth/token',
  scope: 'read write',
  audience: 'api',
  resource: 'https://api.example.com',
  parameters: { tenant: 'one', region: 'eu' },
};
const sourceWith = (changes: object = {}, secretArn = ARN) =>
  sourceOf({ ...settings, ...changes } as ProviderSettings, secretArn);
const issuer = (url: string) => ({ tokenUrl: undefined, issuer: url });
const genesys = (region: string) => sourceOf({ provider: 'genesys-cloud', region } as ProviderSettings, ARN);

test.each<[string, object, string?]>([
  ['another probe URL', { probeUrl: 'https://api.example.com/me' }],
  ['another client authentication', { clientAuthentication: 'client_secret_post' }],
  ['capital letters and the default port', { tokenUrl: 'https://LOGIN.example.com:443/oauth/token' }],
  ['scopes in another order', { scope: 'write  read' }],
  ['one resource in a list', { resource: ['https://api.example.com'] }],
  ['parameters in another order', { parameters: { region: 'eu', tenant: 'one' } }],
  ['a secret that was deleted and created again', {}, ARN.replace('AbCdEf', 'GhIjKl')],
])('is the same for %s', (_, changes, secretArn) => {
  expect(sourceWith(changes, secretArn)).toBe(sourceWith());
});

test('is 16 hex digits, the same for an issuer with a slash, and for a region by its domain', () => {
  const withSlash = sourceWith(issuer('https://a.example.com/realm/'));

  expect(withSlash).toMatch(/^[0-9a-f]{16}$/);
  expect(withSlash).toBe(sourceWith(issuer('https://a.example.com/realm')));
  expect(genesys('mypurecloud.de')).toBe(genesys('eu-central-1'));
});

test('differs for each other value', () => {
  const sources = [
    sourceWith(),
    sourceWith({ tokenUrl: 'https://login.example.com/oauth/tokens' }),
    sourceWith({ tokenUrl: 'https://login.example.com:8443/oauth/token' }),
    sourceWith({ scope: 'read' }),
    sourceWith({ audience: 'other' }),
    sourceWith({ resource: ['https://api.example.com', 'https://b.example.com'] }),
    sourceWith({ parameters: { tenant: 'two', region: 'eu' } }),
    sourceWith(issuer('https://login.example.com/oauth/token')),
    sourceWith({}, ARN.replace('ci/oauth', 'ci/other')),
    // Names, which have no suffix, but may end like an ARN.
    sourceWith({}, 'oauth-client'),
    sourceWith({}, 'oauth-secret'),
    genesys('eu-central-1'),
    genesys('eu-west-1'),
  ];

  expect(new Set(sources).size).toBe(sources.length);
});
