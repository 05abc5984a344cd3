import { ConfigurationError } from '../../../infra/configuration/configuration-error.ts';
import { parseTokens } from '../../../infra/configuration/tokens-configuration.ts';
import { GENESYS_DOMAINS } from '../../../lambda/providers/genesys-regions.ts';
import { FULL_TOKENS, TARGET } from '../full-configuration.ts';

const genesys = { name: 'a', provider: 'genesys-cloud', region: 'eu-central-1' };
const oauth2 = { name: 'a', provider: 'oauth2', tokenUrl: 'https://id.example.com/token' };
const REGIONS = Object.keys(GENESYS_DOMAINS).join(', ');

/** What is wrong, the tokens, and what a person reads. */
const BAD: [string, unknown, string][] = [
  [
    'tokens missing',
    undefined,
    'tokens: is missing; set "context": {"tokens": [{"name": …, "provider": …}]} in cdk.json',
  ],
  [
    'no JSON',
    '[{name: x}]',
    `tokens: is not JSON (Expected property name or '}' in JSON at position 2 (line 1 column 3)); quote it for the shell: -c tokens='[{"name": …}]'`,
  ],
  [
    'an object',
    genesys,
    'tokens: {"name":"a","provider":"genesys-cloud","region":"eu-centr… is not a list; set "context": {"tokens": [{"name": …, "provider": …}]} in cdk.json',
  ],
  ['empty', [], 'tokens: is empty; describe at least one token'],
  [
    '17 tokens',
    Array.from({ length: 17 }, (_, index) => ({ ...genesys, name: `t${index}` })),
    'tokens: 17 tokens are more than the 16 that fit a stack; make a second one (-c stackName=…)',
  ],
  ['a token that is a text', ['genesys'], 'tokens[0]: "genesys" is not an object'],
  [
    'name missing',
    [{ ...genesys, name: undefined }],
    'tokens[0].name: is missing; set it to a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  ],
  [
    'name with a slash',
    [{ ...genesys, name: 'a/b' }],
    'tokens[0].name: "a/b" is not a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  ],
  [
    'name too long',
    [{ ...genesys, name: 'x'.repeat(41) }],
    'tokens[0].name: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is not a name of 1 to 40 letters, digits, "-" and "_" that begins with a letter or digit',
  ],
  [
    'function name too long',
    [{ ...genesys, name: 'x'.repeat(40), prefix: '/a-team-of-people' }],
    `tokens[0].name: makes the function name "token-refresher-a-team-of-people-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" of 73 characters; Lambda's limit is 64: shorten name or prefix`,
  ],
  [
    'name twice',
    [genesys, genesys],
    'tokens[1].name: "a" must differ, in more than punctuation, from the name of tokens[0], "a"',
  ],
  [
    'names alike',
    [
      { ...genesys, name: 'a-b' },
      { ...genesys, name: 'A_b' },
    ],
    'tokens[1].name: "A_b" must differ, in more than punctuation, from the name of tokens[0], "a-b"',
  ],
  [
    'functions alike',
    [
      { ...genesys, name: 'x-y' },
      { ...genesys, prefix: '/ci/x', name: 'y' },
    ],
    'tokens[1].name: "y" makes the function name "token-refresher-ci-x-y" like tokens[0], "x-y"',
  ],
  [
    'provider missing',
    [{ name: 'a', region: 'eu-central-1' }],
    'tokens[0].provider: is missing; set it to one of genesys-cloud, nice-cxone, nice-cxone-access-key, oauth2',
  ],
  [
    'provider cut short',
    [{ ...genesys, provider: 'genesys' }],
    'tokens[0].provider: "genesys" is not one of genesys-cloud, nice-cxone, nice-cxone-access-key, oauth2; did you mean "genesys-cloud"?',
  ],
  [
    'provider misspelt',
    [{ ...genesys, provider: 'genesys-clud' }],
    'tokens[0].provider: "genesys-clud" is not one of genesys-cloud, nice-cxone, nice-cxone-access-key, oauth2; did you mean "genesys-cloud"?',
  ],
  [
    'region missing',
    [{ name: 'a', provider: 'genesys-cloud' }],
    `tokens[0].region: is missing; set it to a region of Genesys Cloud (${REGIONS}), or a domain like "mypurecloud.de"`,
  ],
  [
    'region unknown',
    [{ ...genesys, region: 'eu-central-9' }],
    `tokens[0].region: "eu-central-9" is not a region of Genesys Cloud (${REGIONS}), or a domain like "mypurecloud.de"; did you mean "eu-central-1"?`,
  ],
  [
    'domain misspelt',
    [{ ...genesys, region: 'mypurecloud.ed' }],
    'tokens[0].region: "mypurecloud.ed" is not a known domain of Genesys Cloud; the nearest is "mypurecloud.de". If it is the domain of a new region, set allowUnlistedDomain to true',
  ],
  [
    'host in place of the domain',
    [{ ...genesys, region: 'login.usw2.pure.cloud' }],
    'tokens[0].region: "login.usw2.pure.cloud" is not a known domain of Genesys Cloud; the nearest is "usw2.pure.cloud". If it is the domain of a new region, set allowUnlistedDomain to true',
  ],
  [
    'unlisted domain allowed by a text',
    [{ ...genesys, allowUnlistedDomain: 'yes' }],
    'tokens[0].allowUnlistedDomain: "yes" is not true or false',
  ],
  [
    'region a URL',
    [{ ...genesys, region: 'https://login.mypurecloud.de' }],
    `tokens[0].region: "https://login.mypurecloud.de" is not a region of Genesys Cloud (${REGIONS}), or a domain like "mypurecloud.de"`,
  ],
  [
    'setting of another provider',
    [{ ...genesys, area: 'na1' }],
    'tokens[0].area: is not a setting of the provider genesys-cloud; remove it',
  ],
  [
    'setting misspelt',
    [{ ...genesys, refreshIntervall: 20 }],
    'tokens[0].refreshIntervall: is not a setting; did you mean "refreshInterval"?',
  ],
  [
    'secret in the configuration',
    [{ ...genesys, client_secret: 'hunter2' }],
    'tokens[0].client_secret: is not a setting; a client secret belongs in Secrets Manager, never in the configuration',
  ],
  [
    'area',
    [{ name: 'a', provider: 'nice-cxone-access-key', area: 'North America' }],
    'tokens[0].area: "North America" is not an area of CXone like "na1" or "eu1", or a domain like "na1.nice-incontact.com"',
  ],
  [
    'issuer http',
    [{ name: 'a', provider: 'nice-cxone', issuer: 'http://cxone.niceincontact.com' }],
    'tokens[0].issuer: "http://cxone.niceincontact.com" is not an https URL without user, password or fragment (http for loopback addresses only)',
  ],
  [
    'no URL',
    [{ name: 'a', provider: 'oauth2' }],
    'tokens[0].tokenUrl: is missing, and so is issuer; set one of them: tokenUrl, or issuer to discover it',
  ],
  [
    'two URLs',
    [{ ...oauth2, issuer: 'https://id.example.com' }],
    'tokens[0].tokenUrl: is set beside issuer; set one of them: tokenUrl, or issuer to discover it',
  ],
  [
    'URL with password',
    [{ ...oauth2, tokenUrl: 'https://user:password@id.example.com/token' }],
    'tokens[0].tokenUrl: "https://…@id.example.com/token" is not an https URL without user, password or fragment (http for loopback addresses only)',
  ],
  [
    'client authentication',
    [{ ...oauth2, clientAuthentication: 'client_secret_basc' }],
    'tokens[0].clientAuthentication: "client_secret_basc" is not one of client_secret_basic, client_secret_post, private_key_jwt; did you mean "client_secret_basic"?',
  ],
  [
    'scope',
    [{ ...oauth2, scope: 'a\nb' }],
    'tokens[0].scope: "a\\nb" is not a text of 1 to 2,000 characters without control characters',
  ],
  [
    'resource',
    [{ ...oauth2, resource: ['https://a.example.com', 'b'] }],
    'tokens[0].resource: ["https://a.example.com","b"] is not an absolute URI without fragment, nor a list of them',
  ],
  [
    'own parameter',
    [{ ...oauth2, parameters: { grant_type: 'password' } }],
    'tokens[0].parameters.grant_type: is set by the token request itself; remove it here',
  ],
  [
    'parameter no text',
    [{ ...oauth2, parameters: { tenant: 7 } }],
    'tokens[0].parameters.tenant: 7 is not a text',
  ],
  [
    'discovery document as issuer',
    [{ name: 'a', provider: 'oauth2', issuer: 'https://id.example.com/.well-known/openid-configuration' }],
    'tokens[0].issuer: "https://id.example.com/.well-known/openid-configuration" is the URL of the discovery document; remove /.well-known/ and what follows',
  ],
  [
    'issuer with a query',
    [{ name: 'a', provider: 'oauth2', issuer: 'https://id.example.com/?a' }],
    'tokens[0].issuer: "https://id.example.com/?a" has a query, which an issuer cannot have; remove it',
  ],
  [
    'assertionAudience without an assertion',
    [{ ...oauth2, assertionAudience: 'https://id.example.com' }],
    'tokens[0].assertionAudience: is for clientAuthentication private_key_jwt only; remove it',
  ],
  [
    'probeUrl',
    [{ ...oauth2, probeUrl: 'api.example.com/me' }],
    'tokens[0].probeUrl: "api.example.com/me" is not an https URL without user, password or fragment (http for loopback addresses only)',
  ],
  [
    'prefix no slash',
    [{ ...genesys, prefix: 'ci' }],
    'tokens[0].prefix: "ci" is not a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  ],
  [
    'prefix aws',
    [{ ...genesys, prefix: '/aws/ci' }],
    'tokens[0].prefix: "/aws/ci" is not a path like "/ci" or "/team/ci": each part of letters, digits, "-", "_", at most 100 characters, no slash at the end, not below /aws or /ssm, which AWS reserves',
  ],
  [
    'secretName an ARN',
    [{ ...genesys, secretName: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:x-AbCdEf' }],
    'tokens[0].secretName: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:… is not the name of a secret: 1 to 512 letters, digits and /_+=.@-; an ARN goes into secretArn',
  ],
  [
    'secretArn incomplete',
    [{ ...genesys, secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:x' }],
    'tokens[0].secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:x" is not the complete ARN of a secret, with the hyphen and six characters that end it; without them, set secretName',
  ],
  [
    'two secrets',
    [
      {
        ...genesys,
        secretName: 'x',
        secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:x-AbCdEf',
      },
    ],
    'tokens[0].secretArn: is set beside secretName; set one of them',
  ],
  [
    'secret key without secret',
    [
      {
        ...genesys,
        secretEncryptionKeyArn:
          'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555',
      },
    ],
    'tokens[0].secretEncryptionKeyArn: is for an existing secret; set secretName or secretArn, or remove it (the secret that the stack creates takes encryptionKeyArn)',
  ],
  [
    'key alias',
    [{ ...genesys, encryptionKeyArn: 'arn:aws:kms:eu-central-1:111122223333:alias/ci' }],
    'tokens[0].encryptionKeyArn: "arn:aws:kms:eu-central-1:111122223333:alias/ci" is not the ARN of a KMS key (arn:aws:kms:<region>:<account>:key/<id>); an alias cannot be granted',
  ],
  [
    'interval 0',
    [{ ...genesys, refreshInterval: 0 }],
    'tokens[0].refreshInterval: 0 is not a whole number of minutes from 1 to 1440',
  ],
  [
    'interval a text',
    [{ ...genesys, refreshInterval: '50' }],
    'tokens[0].refreshInterval: "50" is not a whole number of minutes from 1 to 1440',
  ],
  [
    'interval broken',
    [{ ...genesys, refreshInterval: 7.5 }],
    'tokens[0].refreshInterval: 7.5 is not a whole number of minutes from 1 to 1440',
  ],
  [
    'lifetime above',
    [{ ...genesys, expectedLifetime: 2881 }],
    'tokens[0].expectedLifetime: 2881 is not a whole number of minutes from 5 to 2880',
  ],
  [
    'lifetime Genesys',
    [{ ...genesys, expectedLifetime: 4 }],
    'tokens[0].expectedLifetime: 4 is not a whole number of minutes from 5 to 2880',
  ],
  [
    'no margin',
    [{ ...genesys, expectedLifetime: 5 }],
    'tokens[0].expectedLifetime: 5 minutes leave no margin with a refresh after 250 seconds; set refreshInterval to 3 or less, or let the tokens live longer',
  ],
  [
    'no margin at all',
    [{ ...oauth2, expectedLifetime: 2 }],
    'tokens[0].expectedLifetime: 2 minutes leave no margin with a refresh after 100 seconds; let the tokens live longer',
  ],
  [
    'assumed',
    [{ ...oauth2, assumedLifetime: 1 }],
    'tokens[0].assumedLifetime: 1 is not a whole number of minutes from 2 to 2880',
  ],
  [
    'longest job',
    [{ ...oauth2, longestJob: 55 }],
    'tokens[0].longestJob: 55 minutes are more than the 54 minutes that are possible with tokens of 60 minutes; let the tokens live longer (expectedLifetime), or remove longestJob and let the job request the time that it needs (access-token --min-ttl)',
  ],
  [
    'longest job of tokens that live too short for any',
    [{ ...genesys, expectedLifetime: 6, refreshInterval: 3, longestJob: 1 }],
    'tokens[0].longestJob: tokens of 6 minutes are too short for any longestJob; let the tokens live longer (expectedLifetime), or remove longestJob',
  ],
  [
    'concurrency',
    [{ ...genesys, reservedConcurrency: 2 }],
    'tokens[0].reservedConcurrency: 2 is not 1 (refreshes one at a time) or 0 (none reserved, for accounts with a concurrency limit of 10)',
  ],
  [
    'email',
    [{ ...genesys, alarmEmail: 'on-call' }],
    'tokens[0].alarmEmail: "on-call" is not an e-mail address',
  ],
  [
    'topic',
    [{ ...genesys, alarmTopicArn: 'on-call' }],
    'tokens[0].alarmTopicArn: "on-call" is not the ARN of a standard SNS topic (arn:aws:sns:<region>:<account>:<name>)',
  ],
  [
    'two alarms',
    [
      {
        ...genesys,
        alarmEmail: 'on-call@example.com',
        alarmTopicArn: 'arn:aws:sns:eu-central-1:111122223333:on-call',
      },
    ],
    'tokens[0].alarmTopicArn: is set beside alarmEmail; set one of them, or subscribe the address to the topic',
  ],
  [
    'vpc',
    [{ ...genesys, vpcId: 'main' }],
    'tokens[0].vpcId: "main" is not the id of a VPC (vpc- and 8 or 17 hexadecimal digits)',
  ],
  ['adopt', [{ ...genesys, adoptParameters: 1 }], 'tokens[0].adoptParameters: 1 is not true or false'],
  [
    'retain',
    [{ ...genesys, retainParameters: 'yes' }],
    'tokens[0].retainParameters: "yes" is not true or false',
  ],
];

test.each(BAD)('says what is wrong: %s', (_, tokens, message) => {
  expect(() => parseTokens(tokens, TARGET)).toThrow(
    new ConfigurationError(`The configuration of the tokens has a problem:\n  - ${message}`),
  );
});

test('tells all problems of all tokens in one error', () => {
  const tokens = [
    { ...genesys, region: 'moon', refreshInterval: 0, alarmEmail: 'x' },
    { ...oauth2, name: 'b', tokenUrl: 'ftp://id.example.com', readers: ['me', 'you'] },
  ];
  const error = problemsOf(tokens);
  expect(error).toContain('has 6 problems:');
  for (const path of [
    '[0].region',
    '[0].refreshInterval',
    '[0].alarmEmail',
    '[1].tokenUrl',
    '[1].readers[1]',
  ]) {
    expect(error).toContain(`tokens${path}: `);
  }
});

test('never repeats a secret that was put into the configuration', () => {
  const tokens = [{ ...oauth2, clientSecret: 'canary-1', tokenUrl: 'https://id:canary-2@id.example.com' }];
  expect(problemsOf(tokens)).not.toContain('canary');
});

test('asks for an account where a VPC must be looked up', () => {
  const tokens = [{ ...genesys, vpcId: 'vpc-0123456789abcdef0' }];
  expect(() => parseTokens(tokens, { account: undefined, region: undefined })).toThrow(
    'tokens[0].vpcId: "vpc-0123456789abcdef0" cannot be looked up without an account and a region; give the CDK credentials and a region (AWS_PROFILE, AWS_REGION)',
  );
});

test('without credentials, the region that the CDK CLI makes up counts for nothing', () => {
  const secretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci/genesys-AbCdEf';
  const tokens = [{ name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1', secretArn }];

  const [token] = parseTokens(tokens, { account: undefined, region: 'us-east-1' });

  expect(token?.secret).toMatchObject({ kind: 'arn', arn: secretArn });
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

test('takes an area of CXone, and a domain', () => {
  const token = { name: 'a', provider: 'nice-cxone-access-key' };

  for (const area of ['na1', 'api.example.com']) {
    expect(parseTokens([{ ...token, area }], TARGET)[0]?.provider).toMatchObject({ area });
  }
});

test('takes plain http for loopback addresses', () => {
  const tokenUrl = 'http://127.0.0.1:8080/token';
  expect(parseTokens([{ ...oauth2, tokenUrl }], TARGET)[0]?.provider).toEqual({
    provider: 'oauth2',
    tokenUrl,
  });
});

test.each([
  ['genesys-cloud', { region: 'eu-central-1' }, 1440],
  ['nice-cxone', {}, 60],
  ['nice-cxone-access-key', { area: 'na1' }, 60],
  ['oauth2', { tokenUrl: 'https://id.example.com/token' }, 60],
])('expects tokens of %s to live as long as the provider lets them', (provider, settings, lifetime) => {
  const [token] = parseTokens([{ name: 'a', provider, ...settings }], TARGET);
  expect(token?.expectedLifetime.toMinutes()).toBe(lifetime);
  expect(token).toMatchObject({
    prefix: '/ci',
    functionName: 'token-refresher-ci-a',
    secret: { kind: 'create' },
    reservedConcurrency: 1,
    readers: [],
    logRetention: 30,
    logEncryptionKeyArn: undefined,
    fipsEndpoints: false,
    adoptParameters: false,
    retainParameters: false,
  });
  expect(token?.refreshInterval.toMinutes()).toBe(50);
  expect(token?.assumedLifetime.toMinutes()).toBe(15);
});

test.each([
  ['jobs of 54 minutes with tokens of 60', { expectedLifetime: 60, longestJob: 54 }],
  ['3 minutes for tokens of 5', { expectedLifetime: 5, refreshInterval: 3 }],
  ['no concurrency, by false', { reservedConcurrency: false }],
])('accepts what is just possible: %s', (_, settings) => {
  expect(parseTokens([{ ...genesys, ...settings }], TARGET)).toHaveLength(1);
});

function problemsOf(tokens: unknown): string {
  try {
    parseTokens(tokens, TARGET);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('No problem was found.');
}

test('without credentials, compares the ARNs of the configuration with each other', () => {
  const tokens = ['111122223333', '999900001111'].map((account, index) => ({
    ...genesys,
    name: `genesys-${index}`,
    alarmTopicArn: `arn:aws:sns:eu-central-1:${account}:on-call`,
  }));

  expect(() => parseTokens(tokens, { account: undefined, region: undefined })).toThrow(
    'tokens[1].alarmTopicArn: "arn:aws:sns:eu-central-1:999900001111:on-call" lies in account 999900001111 (the other ARNs are in 111122223333)',
  );
});
