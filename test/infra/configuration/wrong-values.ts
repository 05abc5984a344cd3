import { PROVIDER_RULES } from '../../../infra/rules/provider-settings.ts';
import { TARGET } from '../full-configuration.ts';

/** A configuration with one wrong value: the path that the message begins with, and the context. */
export interface WrongValue {
  readonly path: string;
  readonly context: Readonly<Record<string, unknown>>;
}

const genesys = { name: 'a', provider: 'genesys-cloud', region: 'eu-central-1' };
const cxone = { name: 'a', provider: 'nice-cxone' };
const accessKey = { name: 'a', provider: 'nice-cxone-access-key' };
const discovered = { name: 'a', provider: 'oauth2' };
const oauth2 = { ...discovered, tokenUrl: 'https://id.example.com/token' };
const vpc = { ...genesys, vpcId: 'vpc-0123456789abcdef0' };
const existing = { ...genesys, secretName: 'x' };

const KEY = 'key/11111111-2222-4333-8444-555555555555';
const SECRET = 'secret:x-AbCdEf';
const GITHUB = 'token.actions.githubusercontent.com';
const GITLAB = 'gitlab.com';
const BITBUCKET = 'api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc';
const AZURE = 'vstoken.dev.azure.com/61c028b9-510c-4f84-bfb2-f48d33b6b542';
const MAIN = 'repo:octo-org/ivr:ref:refs/heads/main';
const REPOSITORY = '{9a8b7c6d-1234-4abc-8def-0123456789ab}:';
const PERMISSION_SET = 'aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef';
/** Would be filled in by IAM. */
const VARIABLE = `$${'{aws:username}'}`;

const arn = (
  service: string,
  rest: string,
  { partition = 'aws', region = TARGET.region, account = TARGET.account } = {},
) => `arn:${partition}:${service}:${region}:${account}:${rest}`;
const role = (name: string, account = TARGET.account) => `arn:aws:iam::${account}:role/${name}`;
const several = (start: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${start}${10 + index}`);
const jobs = (oidcProvider: string, ...subjects: string[]) =>
  subjects.map((subject) => ({
    oidcProvider,
    subject,
    ...(oidcProvider === BITBUCKET && { audience: 'x' }),
  }));

/** One problem of several tokens. */
const tokens = (path: string, value: unknown): WrongValue => ({ path, context: { tokens: value } });
/** `token` with each of these values of one setting. */
const token = (base: object, setting: string, ...values: unknown[]): WrongValue[] =>
  values.map((value) => tokens(`tokens[0].${setting}`, [{ ...base, [setting]: value }]));
/** A token with one reader, each of these. */
const reader = (...readers: unknown[]) => token(genesys, 'readers', ...readers.map((one) => [one]));
/** What is beside the tokens, with each of these values. */
const beside = (setting: string, ...values: unknown[]): WrongValue[] =>
  values.map((value) => ({ path: setting, context: { tokens: [cxone], [setting]: value } }));

const rotation = (base: object, path: string, ...values: unknown[]): WrongValue[] =>
  values.map((value) => tokens(`tokens[0].rotation${path}`, [{ ...base, rotation: value }]));
const ADMIN = { adminSecretName: 'admin' };
const rotated = { ...existing, rotation: ADMIN };
/** The resource in another region, account and partition. */
const elsewhere = (service: string, rest: string) =>
  [{ region: 'eu-west-1' }, { account: '999900001111' }, { partition: 'aws-cn' }].map((place) =>
    arn(service, rest, place),
  );

/** Every setting of every provider with `null`, which is no value of any. */
const nulls = Object.entries(PROVIDER_RULES).flatMap(([provider, { settings, examples }]) =>
  Object.keys(settings).flatMap((setting) =>
    token(
      { name: 'a', provider, ...(examples.find((example) => setting in example) ?? examples[0]) },
      setting,
      null,
    ),
  ),
);

/** Every setting with wrong values. */
export const WRONG_VALUES: readonly WrongValue[] = [
  tokens('tokens', undefined),
  tokens('tokens', '[{name: x}]'),
  tokens('tokens', genesys),
  tokens('tokens', []),
  tokens(
    'tokens',
    several('t', 17).map((name) => ({ ...genesys, name })),
  ),
  ...beside('dashboard', 'yes'),
  ...beside('terminationProtection', 1),
  ...beside('stackName', 'a_b', 'x'.repeat(129), null),
  ...beside('tokensFile', 'test/no-such.json', true),
  { path: 'LICENSE', context: { tokensFile: 'LICENSE' } },
  { path: 'tokensFile', context: { tokensFile: 'team.json', tokens: '[]' } },
  ...beside('dashbord', true),
  ...beside('token', []),

  tokens('tokens[0]', ['genesys']),
  ...token(genesys, 'name', undefined, '', 7, 'a/b', 'fürth', 'x'.repeat(41), 'Dashboard', 'constructor'),
  tokens('tokens[0].name', [{ ...genesys, name: 'x'.repeat(40), prefix: '/a-team-of-people' }]),
  ...['a', 'A', 'a-resources'].map((name) => tokens('tokens[1].name', [genesys, { ...genesys, name }])),
  tokens('tokens[1].name', [
    { ...genesys, name: 'x-y' },
    { ...genesys, prefix: '/ci/x', name: 'y' },
  ]),
  ...token(genesys, 'provider', undefined, 'genesys-clud', ['genesys-cloud']),
  ...token(genesys, 'region', undefined, 1, 'constructor', 'mypurecloud.ed', 'login.usw2.pure.cloud'),
  ...token(genesys, 'region', 'https://login.mypurecloud.de', 'evil.test/mypurecloud.de'),
  ...token({ ...genesys, allowUnlistedDomain: true }, 'region', 'id.test:99999'),
  ...token(genesys, 'allowUnlistedDomain', 'yes'),
  ...token(genesys, 'area', 'na1'),
  ...token(accessKey, 'area', undefined, 'North America', 'a@evil.test'),
  ...token(cxone, 'issuer', '', 'http://cxone.niceincontact.com', 'https://cxone.niceincontact.com '),
  ...token(discovered, 'issuer', 'https://id.test/?a', 'https://id.test/.well-known/openid-configuration'),
  ...token(discovered, 'tokenUrl', undefined, 'https://user:password@id.test/token', 'https://id.test/#a'),
  ...token({ ...discovered, issuer: 'https://id.test' }, 'tokenUrl', 'https://id.test/token'),
  ...token(oauth2, 'clientAuthentication', 'client_secret_basc'),
  ...token(oauth2, 'scope', 'a\nb', ['read', 'write'], 'read  write'),
  ...token(oauth2, 'audience', 'api ', ['api']),
  ...token(oauth2, 'resource', ['https://a.example.com', 'b'], [], 'https://api.example.com/#a'),
  ...token(oauth2, 'parameters', { grant_type: 'password' }, { tenant: 7 }, 'tenant=blue'),
  ...token(oauth2, 'assertionAudience', 'https://id.example.com'),
  ...token({ ...oauth2, clientAuthentication: 'private_key_jwt' }, 'assertionAudience', ''),
  ...token(oauth2, 'secretKeys', { client_id: '' }, { clientId: 'a' }, 'a'),
  ...token(oauth2, 'secretKeys', { client_id: 'a', client_secret: 'a' }),
  ...token(oauth2, 'probeUrl', 'api.example.com/me'),
  ...token(genesys, 'client_secret', 'hunter2'),
  ...token(genesys, 'prefix', null, 'ci', '/ci/', '/aws/ci', '/SSM', `/${'x'.repeat(100)}`, '/a'.repeat(14)),
  ...token(genesys, 'secretName', '', 'x'.repeat(513), arn('secretsmanager', SECRET)),
  ...token(genesys, 'secretArn', arn('secretsmanager', 'secret:x'), arn('ssm', 'parameter/x')),
  ...token(existing, 'secretArn', arn('secretsmanager', SECRET)),
  ...token(genesys, 'secretArn', ...elsewhere('secretsmanager', SECRET)),
  ...token(genesys, 'secretEncryptionKeyArn', arn('kms', KEY)),
  ...token(existing, 'secretEncryptionKeyArn', 'ci', arn('kms', KEY, { region: 'eu-west-1' })),
  ...token(genesys, 'encryptionKeyArn', arn('kms', 'alias/ci'), KEY.slice(4), ...elsewhere('kms', KEY)),
  ...token(genesys, 'logEncryptionKeyArn', 'alias/logs', arn('kms', KEY, { region: 'eu-west-1' })),
  ...token(genesys, 'refreshInterval', 0, '50', 7.5, null, 1441),
  ...token(genesys, 'expectedLifetime', 2881, 4, 5, '24h'),
  ...token(oauth2, 'expectedLifetime', 2),
  ...token(oauth2, 'assumedLifetime', 1, 2881),
  ...token(oauth2, 'longestJob', 0, 55, '45m'),
  ...token({ ...genesys, expectedLifetime: 6, refreshInterval: 3 }, 'longestJob', 1),
  ...token(genesys, 'reservedConcurrency', 2, '1'),
  ...token(genesys, 'alarmEmail', 'on-call', 'a@example.com, b@example.com', `a@${'x'.repeat(254)}.com`),
  ...token(genesys, 'alarmTopicArn', 'on-call', arn('sns', 'on-call.fifo'), ...elsewhere('sns', 'on-call')),
  ...token({ ...genesys, alarmEmail: 'a@example.com' }, 'alarmTopicArn', arn('sns', 'on-call')),
  ...token(genesys, 'runbookUrl', 'ftp://wiki.test', 'https://a:b@wiki.test/', 'https://wiki.test/a b'),
  ...token(genesys, 'runbookUrl', `https://wiki.test/${'x'.repeat(300)}`),

  ...rotation(genesys, '', true, ['admin']),
  ...rotation(oauth2, '', { adminSecretName: 'admin' }),
  ...rotation(genesys, '.adminSecretName', {}, { everyDays: 90 }, { adminSecretName: 'an admin' }),
  ...rotation(existing, '.adminSecretName', { adminSecretName: 'x' }),
  ...rotation(genesys, '.everyDays', { ...ADMIN, everyDays: 0 }, { ...ADMIN, everyDays: 366 }),
  ...rotation({ ...genesys, expectedLifetime: 1441 }, '.everyDays', { ...ADMIN, everyDays: 1 }),
  ...rotation(genesys, '.adminSecretArn', { adminSecretArn: 'admin' }),
  ...rotation(genesys, '.adminSecretArn', { ...ADMIN, adminSecretArn: arn('secretsmanager', SECRET) }),
  ...elsewhere('secretsmanager', SECRET).flatMap((adminSecretArn) =>
    rotation(genesys, '.adminSecretArn', { adminSecretArn }),
  ),
  ...elsewhere('kms', KEY).flatMap((adminSecretEncryptionKeyArn) =>
    rotation(genesys, '.adminSecretEncryptionKeyArn', { ...ADMIN, adminSecretEncryptionKeyArn }),
  ),
  ...rotation(genesys, '.adminSecret', { ...ADMIN, adminSecret: 'hunter2' }),
  ...[{}, { secretName: undefined, secretArn: arn('secretsmanager', SECRET) }].map((settings) =>
    tokens('tokens[1].rotation', [rotated, { ...rotated, name: 'b', ...settings }]),
  ),

  ...token(genesys, 'readers', role('ci'), [role('ci'), role('ci')], jobs(GITHUB, MAIN, MAIN)),
  ...token(genesys, 'readers', [role('ci'), { role: role('ci'), refresh: false }]),
  ...reader(7, null, 'arn:aws:iam::111122223333:user/ci', 'arn:aws:iam::444455556666:root'),
  ...reader(role('*', '444455556666'), role('x'.repeat(65)), role('ci//build')),
  ...reader('arn:aws-cn:iam::999900001111:role/ci', { role: 'arn:aws-cn:iam::999900001111:role/ci' }),
  ...reader(role(PERMISSION_SET), { role: role(PERMISSION_SET) }),
  ...reader(role('aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS', '444455556666')),
  ...reader({ subject: MAIN }, { oidcProvider: GITHUB }, { role: 'ci' }, {}),
  ...reader({ role: role('ci'), refresh: 'no' }, { role: role('ci'), refesh: false }),
  ...reader({ role: role('ci'), subject: MAIN }, { oidcProvider: GITHUB, subject: MAIN, audiance: 'x' }),
  ...[`https://${GITHUB}`, `${GITHUB}:443`, `${GITHUB}/`, `${GITHUB}?a`, 'github', 'GITHUB.com'].flatMap(
    (url) => reader(...jobs(url, MAIN)),
  ),
  ...reader(...jobs('ci.example.com', ''), ...jobs(GITHUB, `repo:octo-org/${VARIABLE}`)),
  ...reader(...jobs(GITHUB, '*', 'repo:*', 'repo:org*/ivr:ref:refs/heads/main', 'environment:production')),
  ...reader(...jobs(GITHUB, 'repo:octo-or?/ivr:ref:refs/heads/main', 'repository_owner:octo*')),
  ...reader(...jobs('github.example.com/_services/token', 'repo:*')),
  ...reader(...jobs('token.actions.octo.ghe.com', 'repo:*')),
  ...reader(...jobs(GITLAB, '*', 'project_path:octo*/ivr:ref_type:branch:ref:main')),
  ...reader(...jobs('gitlab.example.com', 'project_path:*')),
  ...reader(...jobs(BITBUCKET, '*', 'ivr:*', REPOSITORY)),
  ...reader({ oidcProvider: BITBUCKET, subject: `${REPOSITORY}*` }),
  ...reader(...jobs(AZURE, 'sc://octo/ivr/*', 'sc://octo/ivr')),
  ...reader(...jobs('agent.buildkite.com', 'organization:octo:pipeline:*')),
  ...['*', '', 'a b', VARIABLE].flatMap((audience) =>
    reader({ oidcProvider: GITHUB, subject: MAIN, audience }),
  ),

  ...token(genesys, 'vpcId', 'main', 1),
  ...token(vpc, 'subnetIds', 'subnet-01234567', [], several('subnet-012345', 17), ['vpc-01234567']),
  ...token(vpc, 'subnetIds', ['subnet-01234567', 'subnet-01234567']),
  ...token(genesys, 'subnetIds', ['subnet-01234567']),
  ...token(vpc, 'securityGroupIds', ['default'], several('sg-012345', 6)),
  ...token(genesys, 'securityGroupIds', ['sg-01234567']),
  ...token(genesys, 'tags', [], {}, Object.fromEntries(several('tag-', 51).map((key) => [key, '']))),
  ...token(genesys, 'tags', { 'AWS:team': 'x' }, { 'team*': 'x' }, { ['x'.repeat(129)]: 'x' }),
  ...token(genesys, 'tags', { team: 'a;b' }, { team: 'x'.repeat(257) }, { Team: 'x', team: 'x' }),
  ...token(genesys, 'logRetention', 31, '30'),
  ...token(genesys, 'fipsEndpoints', 'true', true),
  ...token(genesys, 'adoptParameters', 1),
  ...token(genesys, 'retainParameters', 'yes'),
  ...token(genesys, 'refreshIntervall', 20),
  ...nulls,
];
