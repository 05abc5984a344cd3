import { parseTokens } from '../../../infra/configuration/tokens-configuration.ts';
import { GENESYS_DOMAINS } from '../../../lambda/providers/genesys-regions.ts';
import { FULL_TOKENS, TARGET } from '../full-configuration.ts';

const genesys = { name: 'a', provider: 'genesys-cloud', region: 'eu-central-1' };
const oauth2 = { name: 'a', provider: 'oauth2', tokenUrl: 'https://id.example.com/token' };

const UNKNOWN = { account: undefined, region: undefined };

test('reports all problems of all tokens in one error', () => {
  const tokens = [
    { ...genesys, region: 'moon', refreshInterval: 0 },
    { ...oauth2, name: 'b', readers: ['me', 'arn:aws-cn:iam::111122223333:role/ci'] },
  ];
  const problems = [
    'has 4 problems:',
    '[0].region: ',
    '[0].refreshInterval: ',
    '[1].readers[0]: ',
    '[1].readers[1]: ',
  ];

  for (const problem of problems) expect(() => parseTokens(tokens, TARGET)).toThrow(problem);
});

test('asks for an account where a VPC must be looked up', () => {
  const tokens = [{ ...genesys, vpcId: 'vpc-0123456789abcdef0' }];
  expect(() => parseTokens(tokens, UNKNOWN)).toThrow(
    'tokens[0].vpcId: "vpc-0123456789abcdef0" cannot be looked up without an account and a region; give the CDK credentials and a region',
  );
});

test('without credentials, the default region of the CDK CLI is ignored', () => {
  const secretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/genesys-AbCdEf';
  const tokens = [{ name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1', secretArn }];

  const [token] = parseTokens(tokens, { account: undefined, region: 'us-east-1' });

  expect(token?.secretArn).toBe(secretArn);
});

test('takes a list of tokens, and the same as JSON', () => {
  expect(parseTokens(JSON.stringify(FULL_TOKENS), TARGET)).toEqual(parseTokens(FULL_TOKENS, TARGET));
});

test('takes each region of Genesys Cloud, and a domain', () => {
  const settingsOf = (settings: object) => parseTokens([{ ...genesys, ...settings }], TARGET)[0]?.provider;

  for (const [name, domain] of Object.entries(GENESYS_DOMAINS)) {
    for (const region of [name, domain]) {
      expect(settingsOf({ region })).toEqual({ provider: 'genesys-cloud', region });
    }
  }
  for (const region of ['new.pure.cloud', 'localhost:8443']) {
    const settings = { region, allowUnlistedDomain: true };
    expect(settingsOf(settings)).toEqual({ provider: 'genesys-cloud', ...settings });
  }
  expect(() => settingsOf({ region: 'constructor' })).toThrow('is not a region');
});

test.each([
  [{ provider: 'nice-cxone-access-key', area: 'na1' }],
  [{ provider: 'nice-cxone-access-key', area: 'api.example.com' }],
  [{ provider: 'oauth2', tokenUrl: 'http://127.0.0.1:8080/token' }],
])('takes %j: an area, a domain, plain http for loopback addresses', (settings) => {
  expect(parseTokens([{ name: 'a', ...settings }], TARGET)[0]?.provider).toEqual(settings);
});

test.each([
  ['genesys-cloud', { region: 'eu-central-1' }, 1440],
  ['nice-cxone', {}, 60],
  ['nice-cxone-access-key', { area: 'na1' }, 60],
  ['oauth2', { tokenUrl: 'https://id.example.com/token' }, 60],
])('expects tokens of %s to live as long as the provider lets them', (provider, settings, lifetime) => {
  const [token] = parseTokens([{ name: 'a', provider, ...settings }], TARGET);

  expect(token).toMatchObject({ expectedLifetime: lifetime, assumedLifetime: 15, prefix: '/ci' });
  expect(token?.refreshInterval).toBeUndefined();
});

test.each([
  ['jobs of 54 minutes with tokens of 60', { expectedLifetime: 60, longestJob: 54 }],
  ['3 minutes for tokens of 5', { expectedLifetime: 5, refreshInterval: 3 }],
  ['no concurrency, by false', { reservedConcurrency: false }],
])('accepts the limit: %s', (_, settings) => {
  expect(parseTokens([{ ...genesys, ...settings }], TARGET)).toHaveLength(1);
});

test('without credentials, compares the ARNs of the configuration with each other', () => {
  const tokens = ['111122223333', '999900001111'].map((account, index) => ({
    ...genesys,
    name: `genesys-${index}`,
    alarmTopicArn: `arn:aws:sns:eu-central-1:${account}:on-call`,
  }));

  expect(() => parseTokens(tokens, UNKNOWN)).toThrow(
    'tokens[1].alarmTopicArn: "arn:aws:sns:eu-central-1:999900001111:on-call" lies in account 999900001111 (the other ARNs are in 111122223333)',
  );
});
