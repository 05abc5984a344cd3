import { readFileSync } from 'node:fs';
import { isAllowed } from '../../local/aws/iam.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import type { Template } from '../../local/cloud-assembly.ts';
import type { SynthesizedFunction } from '../../local/synthesized-function.ts';
import { createResolver, LOCAL_PLACE } from '../../local/template-resolver.ts';
import { FULL_TOKENS } from './full-configuration.ts';
import { stackOf } from './synthesized.ts';

const { functions, rotations } = stackOf();
const [genesys, cxone, generic] = functions as [
  SynthesizedFunction,
  SynthesizedFunction,
  SynthesizedFunction,
];
const { region, accountId } = LOCAL_PLACE;

/** The policy that a KMS key is created with: it leaves the permissions to IAM. */
const KEY_POLICY = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${accountId}:root` },
      Action: 'kms:*',
      Resource: '*',
    },
  ],
};

/** One thing that the function of one token does. */
interface Deed {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string>>;
}

test.each(functions)('the function of $tokenName may do its own work, and nothing to other tokens', (own) => {
  const others = functions.filter((one) => one !== own);
  const foreign = others.flatMap((one) => [...deedsOn(one), ...furtherDeedsOn(one)]);

  expect(refused(own, deedsOn(own))).toEqual([]);
  expect(refused(own, foreign)).toEqual(foreign);
});

test('two of them share a key, which each may use for its own parameter only', () => {
  expect(cxone.environment.ENCRYPTION_KEY_ARN).toBe(generic.environment.ENCRYPTION_KEY_ARN);
  const deeds = [{ ...decrypt(cxone), context: {} }, decrypt(generic)];
  expect(refused(cxone, deeds)).toEqual(deeds);
});

test('the rotation function may renew its secret, and touches no token; the refresher cannot read the admin secret', () => {
  const [rotation] = rotations as [SynthesizedFunction];
  const own = genesys;
  const admin = secretArnOf(rotation.environment.ADMIN_SECRET_ARN);
  const [read = '', ...changes] = [
    ...['GetSecretValue', 'DescribeSecret', 'PutSecretValue', 'UpdateSecretVersionStage'],
  ].map((name) => `secretsmanager:${name}`);
  const secret = secretArnOf(own.environment.SECRET_ARN);
  const renewals = changes.map((action) => ({ action, resource: secret }));
  const invoke = { action: 'lambda:InvokeFunction', resource: own.arn };
  const readAdmin = { action: read, resource: admin };
  const tokens = functions
    .flatMap((one) => [...deedsOn(one), ...furtherDeedsOn(one)])
    .filter(({ action, resource }) => resource !== secret && action !== 'lambda:InvokeFunction');
  const forbidden = [...tokens, { action: 'secretsmanager:PutSecretValue', resource: admin }];
  const forRefresher = [readAdmin, ...renewals, { ...invoke, resource: rotation.arn }];

  expect(refused(rotation, [{ action: read, resource: secret }, ...renewals, readAdmin, invoke])).toEqual([]);
  expect(refused(rotation, forbidden)).toEqual(forbidden);
  expect(refused(own, forRefresher)).toEqual(forRefresher);
});

test('code in the function cannot use the permissions for attaching it to the VPC', () => {
  const attach = { action: 'ec2:CreateNetworkInterface', resource: '*' };
  const byCode = { ...attach, context: { 'lambda:SourceFunctionArn': generic.arn } };

  expect(refused(generic, [attach, byCode])).toEqual([byCode]);
});

/** IAM's inline policies of one role, by name, as the stack of each region puts them. */
function policiesOnRole(role: string, region: string): [string, PolicyDocument][] {
  const key = `arn:aws:kms:eu-central-1:${accountId}:key/11111111-2222-4333-8444-555555555555`;
  const { template, ...assembly } = stackOf(
    [
      { name: 'generic', provider: 'oauth2', issuer: 'https://id.example.com', encryptionKeyArn: key },
      { name: 'cxone', provider: 'nice-cxone' },
    ].map((token) => ({ ...token, readers: [role] })),
  );
  const deployed = JSON.stringify(template)
    .replaceAll('{"Ref":"AWS::Region"}', `"${region}"`)
    .replaceAll(key, key.replace('eu-central-1', region));
  const regional: Template = JSON.parse(deployed);
  const resolver = createResolver({ ...assembly, template: regional });
  return Object.values(regional.Resources)
    .filter(({ Type, Properties }) => Type === 'AWS::IAM::Policy' && `${Properties?.Roles}` === 'build')
    .map(({ Properties = {} }) => resolver.resolve(Properties) as Record<string, unknown>)
    .map(({ PolicyName, PolicyDocument }) => [String(PolicyName), PolicyDocument as PolicyDocument]);
}

test('a role reads in two regions, and still in one when the stack of the other region is deleted', () => {
  const role = `arn:aws:iam::${accountId}:role/ci/build`;
  const [here = [], there = []] = ['eu-central-1', 'us-east-1'].map((one) => policiesOnRole(role, one));
  const inline = new Map([...there, ...here]);
  const mayRead = (name: string) =>
    isAllowed([...inline.values()], {
      action: 'ssm:GetParameter',
      resource: `arn:aws:ssm:us-east-1:${accountId}:parameter/ci/${name}/access-token`,
      principalArn: role,
    });

  // One for the parameters of both tokens, one for the key.
  expect([here.length, there.length, inline.size]).toEqual([2, 2, 4]);
  for (const [name] of here) inline.delete(name);
  expect([mayRead('generic'), mayRead('cxone')]).toEqual([true, true]);
});

/** What the function of a token does in its life. */
function deedsOn(own: SynthesizedFunction): Deed[] {
  const { SECRET_ARN, TOKEN_PARAMETER, STATUS_PARAMETER, ENCRYPTION_KEY_ARN } = own.environment;
  const useKey = ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'];
  return [
    { action: 'secretsmanager:GetSecretValue', resource: secretArnOf(SECRET_ARN) },
    ...[TOKEN_PARAMETER, STATUS_PARAMETER].flatMap((name) =>
      ['ssm:GetParameters', 'ssm:PutParameter'].map((action) => ({ action, resource: parameterArn(name) })),
    ),
    { action: 'ssm:GetParameter', resource: parameterArn(TOKEN_PARAMETER) },
    ...(ENCRYPTION_KEY_ARN === undefined ? [] : useKey.map((action) => ({ ...decrypt(own), action }))),
  ];
}

/** Actions that no function needs. */
function furtherDeedsOn({ arn, environment }: SynthesizedFunction): Deed[] {
  const parameters = [environment.TOKEN_PARAMETER, environment.STATUS_PARAMETER].map(parameterArn);
  const actions = ['ssm:GetParameter', 'ssm:GetParametersByPath', 'ssm:DeleteParameters'];
  return [
    ...parameters.flatMap((resource) => actions.map((action) => ({ action, resource }))),
    { action: 'lambda:InvokeFunction', resource: arn },
  ];
}

function decrypt({ environment }: SynthesizedFunction): Deed {
  return {
    action: 'kms:Decrypt',
    resource: environment.ENCRYPTION_KEY_ARN ?? '',
    context: {
      'kms:ViaService': `ssm.${region}.amazonaws.com`,
      'kms:EncryptionContext:PARAMETER_ARN': parameterArn(environment.TOKEN_PARAMETER),
    },
  };
}

/** The deeds that a function may not do. */
function refused({ tokenName, name, policyDocuments }: SynthesizedFunction, deeds: readonly Deed[]): Deed[] {
  const principalArn = `arn:aws:sts::${accountId}:assumed-role/${tokenName}/${name}`;
  return deeds.filter((deed) => {
    const key = deed.action.startsWith('kms:') ? { resourcePolicy: KEY_POLICY } : {};
    return !isAllowed(policyDocuments, { ...deed, principalArn, ...key });
  });
}

function parameterArn(name: string | undefined): string {
  return `arn:aws:ssm:${region}:${accountId}:parameter${name}`;
}

/** The complete ARN: a secret that is known by its name has six more characters. */
function secretArnOf(id = ''): string {
  return id.startsWith('arn:') ? id : `arn:aws:secretsmanager:${region}:${accountId}:secret:${id}-AbCdEf`;
}

/** Whose role it is, by its logical id or its name: who the table of docs/stack.md says it is. */
function whoseRole(role: string): string {
  const owners: [RegExp, string][] = [
    [/HeartbeatRole/, 'schedule'],
    [/^DeploymentCalls/, 'deployment'],
    [/Rotation/, 'rotation function'],
    [/^(genesys|cxone|generic)Role/, 'function'],
  ];
  return owners.find(([pattern]) => pattern.test(role))?.[1] ?? 'reader';
}

test('docs/stack.md lists each action of each role, and no other', () => {
  const { vpcId, encryptionKeyArn } = FULL_TOKENS.at(-1) ?? {};
  const all = { vpcId, encryptionKeyArn, tags: { team: 'contact-centre' } };
  const { template } = stackOf(FULL_TOKENS.map((token) => ({ ...token, ...all })));
  type Document = { PolicyDocument?: { Statement: { Effect: string; Action: string | string[] }[] } };
  const allowed = Object.entries(template.Resources).flatMap(([id, { Type, Properties = {} }]) => {
    if (!/^AWS::IAM::(Role|Policy)$/.test(Type)) return [];
    const own: Document & { Roles?: object[]; Policies?: Document[] } = Properties;
    const { Roles = [id], Policies = [own] } = own;
    const statements = Policies.flatMap(({ PolicyDocument }) => PolicyDocument?.Statement ?? []);
    const actions = statements.flatMap(({ Effect, Action }) => (Effect === 'Allow' ? Action : []));
    return Roles.flatMap((role) =>
      actions.map((action) => `${whoseRole(Object(role).Ref ?? role)}: ${action}`),
    );
  });

  const [, table = ''] = readFileSync('docs/stack.md', 'utf8').split(/^## Permissions$/m);
  let who = '';
  const listed = [...table.matchAll(/^\| ([^|]*)\| ([^|]*)\|/gm)].flatMap(([, first = '', actions = '']) => {
    who = first.split(',')[0]?.trim() || who;
    return [...actions.matchAll(/`(\w+:\w+)`/g)].map(([, action]) => `${who}: ${action}`);
  });
  const ofRoles = listed.filter((line) => !line.startsWith('Secrets Manager: '));
  expect([...new Set(ofRoles)].sort()).toEqual([...new Set(allowed)].sort());
});
