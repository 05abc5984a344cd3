import { readFileSync } from 'node:fs';
import { isAllowed } from '../../local/aws/iam.ts';
import type { SynthesizedFunction } from '../../local/synthesized-function.ts';
import { LOCAL_PLACE } from '../../local/template-resolver.ts';
import { FULL_TOKENS } from './full-configuration.ts';
import { stackOf } from './synthesized.ts';

const { functions, rotations, template } = stackOf();
const [genesys, cxone, generic] = functions as [
  SynthesizedFunction,
  SynthesizedFunction,
  SynthesizedFunction,
];
const { region, accountId } = LOCAL_PLACE;

/** What the policy of a new KMS key allows: it leaves the permissions to IAM. */
const KEY_POLICY = {
  Version: '2012-10-17',
  Statement: {
    ...{ Effect: 'Allow', Action: 'kms:*', Resource: '*' },
    Principal: { AWS: `arn:aws:iam::${accountId}:root` },
  },
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
  const [secret, admin] = [genesys.environment.SECRET_ARN, rotation.environment.ADMIN_SECRET_ARN].map((id) =>
    secretArnOf(id),
  ) as [string, string];
  const read = 'secretsmanager:GetSecretValue';
  const changes = ['DescribeSecret', 'PutSecretValue', 'UpdateSecretVersionStage'];
  const renewals = changes.map((name) => ({ action: `secretsmanager:${name}`, resource: secret }));
  const invoke = { action: 'lambda:InvokeFunction', resource: genesys.arn };
  const readAdmin = { action: read, resource: admin };
  const tokens = functions
    .flatMap((one) => [...deedsOn(one), ...furtherDeedsOn(one)])
    .filter(({ action, resource }) => resource !== secret && action !== 'lambda:InvokeFunction');
  const forbidden = [...tokens, { action: 'secretsmanager:PutSecretValue', resource: admin }];
  const forRefresher = [readAdmin, ...renewals, { ...invoke, resource: rotation.arn }];

  expect(refused(rotation, [{ action: read, resource: secret }, ...renewals, readAdmin, invoke])).toEqual([]);
  expect(refused(rotation, forbidden)).toEqual(forbidden);
  expect(refused(genesys, forRefresher)).toEqual(forRefresher);
});

test('code in the function cannot use the permissions for attaching it to the VPC', () => {
  const attach = { action: 'ec2:CreateNetworkInterface', resource: '*' };
  const byCode = { ...attach, context: { 'lambda:SourceFunctionArn': generic.arn } };

  expect(refused(generic, [attach, byCode])).toEqual([byCode]);
});

// IAM has no regions, and knows an inline policy by its name: the stack of another region would overwrite it, and delete it with itself.
test('the policies of a role that was there before are named by the stack and its region', () => {
  const policies = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::IAM::Policy');
  const named = policies.flatMap(({ Properties = {} }) => {
    const { Roles = [], PolicyName = '' } = Properties as { Roles?: unknown[]; PolicyName?: string };
    return typeof Roles[0] === 'string' ? PolicyName : [];
  });

  // One per role for the parameters, and one for the key.
  expect(named).toHaveLength(4);
  expect(new Set(named).size).toBe(4);
  for (const name of named) expect(name).toMatch(/^TokenRefresher-[0-9a-f]{8}-eu-central-1$/);
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
  const { Resources } = stackOf(FULL_TOKENS.map((token) => ({ ...token, ...all }))).template;
  type Document = { PolicyDocument?: { Statement: { Effect: string; Action: string | string[] }[] } };
  const allowed = Object.entries(Resources).flatMap(([id, { Type, Properties = {} }]) => {
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
