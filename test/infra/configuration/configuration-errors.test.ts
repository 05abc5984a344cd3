import { readFileSync, writeFileSync } from 'node:fs';
import { PROVIDERS } from '../../../lambda/contract.ts';
import { errorsPage, problemOf, ROWS } from './errors-page.ts';
import { WRONG_VALUES } from './wrong-values.ts';

const TOKEN = { name: 'a', provider: 'nice-cxone' };

test.each(WRONG_VALUES.map(({ path, context }) => [path, context] as const))(
  '%s: %j is one problem, which the message begins with',
  (path, context) => {
    const problem = problemOf(context) ?? 'none';

    expect(problem.slice(0, path.length)).toBe(path);
    expect(problem).not.toContain('\n');
  },
);

test('docs/configuration-errors.md lists these cases (WRITE_PAGES=1 writes it anew)', () => {
  const page = 'docs/configuration-errors.md';
  if (process.env.WRITE_PAGES === '1') writeFileSync(page, errorsPage());

  expect(readFileSync(page, 'utf8')).toBe(errorsPage());
});

/** A token of each provider that is right, and the provider's settings. */
const RIGHT = {
  'genesys-cloud': { region: 'eu-central-1' },
  'nice-cxone': {},
  'nice-cxone-access-key': { area: 'na1' },
  oauth2: { tokenUrl: 'https://id.example.com/token' },
} as const;

/** What is wrong for nearly every setting. */
const SENSELESS = [
  ...[null, {}, [], '', ' ', 7.5, -1, 0, 1, 1e9, true, [[]], [null], { a: null }],
  ...['x', 'x'.repeat(5_000), 'a\nb', '\u0000', 'ü', ' https://a.example.com', 'https://a.example.com '],
];

/** Where one of them is right. */
const RIGHT_ALL_THE_SAME: Readonly<Record<string, readonly unknown[]>> = {
  name: ['x'],
  secretName: ['x'],
  refreshInterval: [1],
  longestJob: [1],
  logRetention: [1],
  reservedConcurrency: [0, 1],
  allowUnlistedDomain: [true],
  adoptParameters: [true],
  retainParameters: [true],
  scope: ['x'],
  audience: ['x', 'ü'],
  assertionAudience: ['x', 'ü'],
  parameters: [{}],
  readers: [[]],
  stackName: ['x'],
  dashboard: [true],
  terminationProtection: [true],
};

const ofProviders = Object.entries(PROVIDERS).flatMap(([provider, { settings }]) =>
  Object.keys(settings).map((setting) => [provider as keyof typeof PROVIDERS, setting] as const),
);
const documented = readFileSync('docs/stack.md', 'utf8').split('\n### Providers')[0] ?? '';
const ofTokens = [...documented.matchAll(/^\| (`.*?) \|/gm)]
  .flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, setting = '']) => setting))
  .map((setting) => ['oauth2', setting] as const);

test('docs/stack.md has the settings of a token', () => {
  expect(ofTokens.length).toBeGreaterThan(20);
});

test.each([...ofTokens, ...ofProviders])('%s takes no senseless %s', (provider, setting) => {
  const beside = {
    ...(setting === 'issuer' ? {} : RIGHT[provider]),
    ...(setting === 'assertionAudience' ? { clientAuthentication: 'private_key_jwt' } : {}),
    ...(/^(subnet|securityGroup)Ids$/.test(setting) ? { vpcId: 'vpc-0123456789abcdef0' } : {}),
  };

  const accepted = SENSELESS.filter(
    (value) => problemOf({ tokens: [{ name: 'a', provider, ...beside, [setting]: value }] }) === null,
  );

  expect(accepted).toEqual(RIGHT_ALL_THE_SAME[setting] ?? []);
});

test.each(['tokens', 'tokensFile', 'stackName', 'dashboard', 'terminationProtection'])(
  'beside the tokens, no senseless %s is taken',
  (setting) => {
    const accepted = SENSELESS.filter((value) => problemOf({ tokens: [TOKEN], [setting]: value }) === null);

    expect(accepted).toEqual(RIGHT_ALL_THE_SAME[setting] ?? []);
  },
);

test('every setting has its row', () => {
  const settings = new Set([...ROWS.ofApp, ...ROWS.ofToken].map(({ setting }) => setting));

  const missing = [...ofTokens, ...ofProviders].filter(([, setting]) => !settings.has(setting));

  expect(missing).toEqual([]);
});
