import type { ProviderSettings } from '../../lambda/contract.ts';
import type { OAuth2Settings } from '../../lambda/providers/oauth2.ts';
import { sourceOf } from '../../lambda/source.ts';

const secretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/oauth-AbCdEf';
const settings: OAuth2Settings & { readonly provider: 'oauth2' } = {
  provider: 'oauth2',
  tokenUrl: 'https://login.example.com/oauth/token',
  scope: 'read write',
  audience: 'api',
  resource: 'https://api.example.com',
  parameters: { tenant: 'one', region: 'eu' },
};
const issuer: ProviderSettings = { provider: 'oauth2', issuer: 'https://login.example.com/realm' };
const genesys: ProviderSettings = { provider: 'genesys-cloud', region: 'eu-central-1' };
const source = sourceOf(settings, secretArn);

test('is 16 hex digits', () => {
  expect(source).toMatch(/^[0-9a-f]{16}$/);
});

test.each<[string, Partial<OAuth2Settings>]>([
  ['another probe URL', { probeUrl: 'https://api.example.com/me' }],
  ['another way of client authentication', { clientAuthentication: 'client_secret_post' }],
  [
    'the host in capital letters and its default port',
    { tokenUrl: 'https://LOGIN.example.com:443/oauth/token' },
  ],
  ['scopes in another order', { scope: 'write  read' }],
  ['one resource in a list', { resource: ['https://api.example.com'] }],
  ['parameters in another order', { parameters: { region: 'eu', tenant: 'one' } }],
])('is the same for %s', (_, change) => {
  expect(sourceOf({ ...settings, ...change }, secretArn)).toBe(source);
});

test('is the same for settings in another order', () => {
  const reversed = Object.fromEntries(Object.entries(settings).reverse()) as unknown as typeof settings;

  expect(sourceOf(reversed, secretArn)).toBe(source);
});

test('is the same for a secret that was deleted and created again', () => {
  expect(sourceOf(settings, secretArn.replace('AbCdEf', 'GhIjKl'))).toBe(source);
});

test('is the same for an issuer with and without a slash', () => {
  expect(sourceOf({ ...issuer, issuer: 'https://login.example.com/realm/' }, secretArn)).toBe(
    sourceOf(issuer, secretArn),
  );
});

test.each<[string, ProviderSettings]>([
  ['token endpoint', { ...settings, tokenUrl: 'https://login.example.com/oauth/tokens' }],
  ['port', { ...settings, tokenUrl: 'https://login.example.com:8443/oauth/token' }],
  ['scope', { ...settings, scope: 'read' }],
  ['audience', { ...settings, audience: 'other' }],
  ['resource', { ...settings, resource: ['https://api.example.com', 'https://b.example.com'] }],
  ['parameter', { ...settings, parameters: { tenant: 'two', region: 'eu' } }],
  ['issuer', issuer],
  ['provider', genesys],
])('differs for another %s', (_, changed) => {
  expect(sourceOf(changed, secretArn)).not.toBe(source);
});

test('is the same for a region by its name and by its domain', () => {
  const byDomain: ProviderSettings = { ...genesys, region: 'mypurecloud.de' };

  expect(sourceOf(byDomain, secretArn)).toBe(sourceOf(genesys, secretArn));
});

test('differs for another region', () => {
  const other: ProviderSettings = { ...genesys, region: 'eu-west-1' };

  expect(sourceOf(other, secretArn)).not.toBe(sourceOf(genesys, secretArn));
});

test('differs for another secret that is known by its name, also if both names end like an ARN', () => {
  expect(sourceOf(settings, 'oauth-client')).not.toBe(sourceOf(settings, 'oauth-secret'));
});

test('differs for another secret', () => {
  expect(sourceOf(settings, secretArn.replace('ci/oauth', 'ci/other'))).not.toBe(source);
});
