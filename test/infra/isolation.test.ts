import { readFileSync } from 'node:fs';
import { isAllowed } from '../../local/aws/iam.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import type { Template } from '../../local/cloud-assembly.ts';
import { type SynthesizedFunction, synthesize } from '../../local/synthesized-function.ts';
import { createResolver, LOCAL_PLACE } from '../../local/template-resolver.ts';
import { FULL_CONTEXT, FULL_TOKENS, TARGET } from './full-configuration.ts';

const { functions, rotations } = synthesize({ tokens: FULL_TOKENS, context: FULL_CONTEXT, target: TARGET });
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

const names = functions.map(({ tokenName }) => tokenName);
const pairs = names.flatMap((one) =>
  names.filter((other) => other !== one).map((other) => [one, other] as const),
);

test.each(names)('the function of %s may do its own work', (name) => {
  const own = functionOf(name);
  for (const deed of deedsOn(own)) expect([deed, may(own, deed)]).toEqual([deed, true]);
});

test.each(pairs)('the function of %s can do nothing to what belongs to %s', (name, other) => {
  const deeds = [...deedsOn(functionOf(other)), ...furtherDeedsOn(functionOf(other))];
  for (const deed of deeds) expect([deed, may(functionOf(name), deed)]).toEqual([deed, false]);
});

test('two of them share a key, which each may use for its own parameter only', () => {
  const [cxone, generic] = [functionOf('cxone'), functionOf('generic')];

  expect(pairs).toHaveLength(6);
  expect(cxone.environment.ENCRYPTION_KEY_ARN).toBe(generic.environment.ENCRYPTION_KEY_ARN);
  expect(may(cxone, { ...decrypt(cxone), context: {} })).toBe(false);
  expect(may(cxone, decrypt(generic))).toBe(false);
});

test('the rotation function may renew its secret, and touches no token; the refresher cannot read the admin secret', () => {
  const [rotation] = rotations as [SynthesizedFunction];
  const own = functionOf(rotation.tokenName);
  const admin = {
    action: 'secretsmanager:GetSecretValue',
    resource: secretArnOf(own, rotation.environment.ADMIN_SECRET_ARN),
  };
  const renewals = ['GetSecretValue', 'DescribeSecret', 'PutSecretValue', 'UpdateSecretVersionStage'].map(
    (action) => ({ action: `secretsmanager:${action}`, resource: secretArnOf(own) }),
  );
  const invoke = { action: 'lambda:InvokeFunction', resource: own.arn };
  const others = functions
    .filter((one) => one !== own)
    .flatMap((one) => [...deedsOn(one), ...furtherDeedsOn(one)]);
  const ofToken = [...deedsOn(own), ...furtherDeedsOn(own)].filter(({ action }) =>
    /^(ssm|kms):/.test(action),
  );

  for (const deed of [...renewals, admin, invoke]) expect([deed, may(rotation, deed)]).toEqual([deed, true]);
  for (const deed of [...others, ...ofToken, { ...renewals[2], resource: admin.resource } as Deed])
    expect([deed, may(rotation, deed)]).toEqual([deed, false]);
  for (const deed of [admin, ...renewals.slice(1), { ...invoke, resource: rotation.arn }])
    expect([deed, may(own, deed)]).toEqual([deed, false]);
});

test('code in the function cannot use the permissions for attaching it to the VPC', () => {
  const own = functionOf('generic');
  const deed = { action: 'ec2:CreateNetworkInterface', resource: '*' };

  expect(may(own, deed)).toBe(true);
  expect(may(own, { ...deed, context: { 'lambda:SourceFunctionArn': own.arn } })).toBe(false);
});

/** IAM's inline policies of one role, by name, as the stack of each region puts them. */
function policiesOnRole(role: string, region: string): [string, PolicyDocument][] {
  const [, CXONE, GENERIC] = FULL_TOKENS;
  const key = `arn:aws:kms:${region}:${accountId}:key/11111111-2222-4333-8444-555555555555`;
  const { provider, issuer } = GENERIC ?? {};
  const generic = { name: 'generic', provider, issuer, readers: [role], encryptionKeyArn: key };
  const cxone = { name: 'cxone', provider: CXONE?.provider, readers: [role] };
  const { template, ...assembly } = synthesize({ tokens: [generic, cxone] });
  const deployed = JSON.stringify(template).replaceAll('{"Ref":"AWS::Region"}', `"${region}"`);
  const regional: Template = JSON.parse(deployed);
  const resolver = createResolver({ ...assembly, template: regional });
  return Object.values(regional.Resources)
    .filter(({ Type, Properties }) => Type === 'AWS::IAM::Policy' && `${Properties?.Roles}` === 'build')
    .map(({ Properties = {} }) => resolver.resolve(Properties) as Record<string, unknown>)
    .map(({ PolicyName, PolicyDocument }) => [String(PolicyName), PolicyDocument as PolicyDocument]);
}

test('a role reads in two regions, and still in one when the stack of the other region is deleted', () => {
  const role = `arn:aws:iam::${accountId}:role/ci/build`;
  const [here, there] = ['eu-central-1', 'us-east-1'].map((one) => policiesOnRole(role, one));
  const inline = new Map([...(there ?? []), ...(here ?? [])]);
  const mayRead = (name: string) =>
    isAllowed([...inline.values()], {
      action: 'ssm:GetParameter',
      resource: `arn:aws:ssm:us-east-1:${accountId}:parameter/ci/${name}/access-token`,
      principalArn: role,
    });

  // One for the parameters of both tokens, one for the key.
  expect([here?.length, there?.length, inline.size]).toEqual([2, 2, 4]);
  for (const [name] of here ?? []) inline.delete(name);
  expect([mayRead('generic'), mayRead('cxone')]).toEqual([true, true]);
  for (const [name] of there ?? []) inline.delete(name);
  expect([mayRead('generic'), mayRead('cxone')]).toEqual([false, false]);
});

function functionOf(name: string): SynthesizedFunction {
  const found = functions.find(({ tokenName }) => tokenName === name);
  if (found === undefined) throw new Error(`No function for ${name}`);
  return found;
}

/** What the function of a token does in its life. */
function deedsOn(own: SynthesizedFunction): Deed[] {
  const parameters = [own.environment.TOKEN_PARAMETER, own.environment.STATUS_PARAMETER].map(parameterArn);
  return [
    { action: 'secretsmanager:GetSecretValue', resource: secretArnOf(own) },
    ...parameters.flatMap((resource) =>
      ['ssm:GetParameters', 'ssm:PutParameter'].map((action) => ({ action, resource })),
    ),
    { action: 'ssm:GetParameter', resource: parameterArn(own.environment.TOKEN_PARAMETER) },
    ...(own.environment.ENCRYPTION_KEY_ARN === undefined
      ? []
      : ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'].map((action) => ({ ...decrypt(own), action }))),
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

function decrypt(own: SynthesizedFunction): Deed {
  return {
    action: 'kms:Decrypt',
    resource: own.environment.ENCRYPTION_KEY_ARN ?? '',
    context: {
      'kms:ViaService': `ssm.${region}.amazonaws.com`,
      'kms:EncryptionContext:PARAMETER_ARN': parameterArn(own.environment.TOKEN_PARAMETER),
    },
  };
}

function may(own: SynthesizedFunction, deed: Deed): boolean {
  const principalArn = `arn:aws:sts::${accountId}:assumed-role/${own.tokenName}/${own.name}`;
  return isAllowed(own.policyDocuments, {
    ...deed,
    principalArn,
    ...(deed.action.startsWith('kms:') ? { resourcePolicy: KEY_POLICY } : {}),
  });
}

function parameterArn(name: string | undefined): string {
  return `arn:aws:ssm:${region}:${accountId}:parameter${name}`;
}

/** The complete ARN: a secret that is known by its name has six more characters. */
function secretArnOf({ environment }: SynthesizedFunction, id = environment.SECRET_ARN ?? ''): string {
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
  const tokens = FULL_TOKENS.map((token) => ({ ...token, ...all }));
  const { template } = synthesize({ tokens, context: FULL_CONTEXT, target: TARGET });
  const allowed: string[] = [];
  const add = (role: string, document: unknown) => {
    const { Statement } = document as { Statement: { Effect: string; Action: string | string[] }[] };
    for (const { Action } of Statement.filter(({ Effect }) => Effect === 'Allow')) {
      for (const action of [Action].flat()) allowed.push(`${whoseRole(role)}: ${action}`);
    }
  };
  for (const [id, { Type, Properties = {} }] of Object.entries(template.Resources)) {
    const { Policies = [], Roles = [], PolicyDocument: document } = Properties as Record<string, never[]>;
    if (Type === 'AWS::IAM::Role') for (const { PolicyDocument } of Policies) add(id, PolicyDocument);
    if (Type !== 'AWS::IAM::Policy') continue;
    for (const role of Roles) add(Object(role).Ref ?? role, document);
  }

  const [, table = ''] = readFileSync('docs/stack.md', 'utf8').split(/^## Permissions$/m);
  let who = '';
  const listed = [...table.matchAll(/^\| ([^|]*)\| ([^|]*)\|/gm)].flatMap(([, first = '', actions = '']) => {
    who = first.split(',')[0]?.trim() || who;
    return [...actions.matchAll(/`(\w+:\w+)`/g)].map(([, action]) => `${who}: ${action}`);
  });
  const ofRoles = listed.filter((line) => !line.startsWith('Secrets Manager: '));
  expect([...new Set(ofRoles)].sort()).toEqual([...new Set(allowed)].sort());
});
