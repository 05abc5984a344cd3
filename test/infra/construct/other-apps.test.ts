import { type App, Aspects, type IPropertyInjector, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { BuildSpec, Project } from 'aws-cdk-lib/aws-codebuild';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { CfnFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnLogGroup, LogGroup } from 'aws-cdk-lib/aws-logs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Construct } from 'constructs';
import { ReaderRole } from '../../../infra/construct/reader-role.ts';
import type { Resource } from '../../../local/cloud-assembly.ts';
import { addRefresher, ENV, newApp, newStack } from './own-refresher.ts';

const ROLE = { roleArns: ['arn:aws:iam::444455556666:role/ci'] };
const LAMBDA = { assumedBy: new ServicePrincipal('lambda.amazonaws.com') };
const projectIn = (stack: Stack) => new Project(stack, 'Build', { buildSpec: BuildSpec.fromObject({}) });

/** A refresher with a key in `keys`, whose token `reader` may read and refresh. */
function addShared(stack: Stack, reader: Role | Project, keys = stack) {
  const refresher = addRefresher(stack, { encryptionKey: new Key(keys, 'Key') });
  refresher.grants.read(reader);
  refresher.grants.refresh(reader);
  return refresher;
}

test.each<[string, (stack: Stack, other: Stack) => unknown]>([
  [
    'a custom resource of the CDK, and a construct of any name',
    (stack) => {
      addRefresher(stack);
      new Construct(stack, 'DeploymentCalls');
      const call = { service: 'SSM', action: 'listTags', physicalResourceId: PhysicalResourceId.of('x') };
      const policy = AwsCustomResourcePolicy.fromSdkCalls({ resources: ['*'] });
      new AwsCustomResource(stack, 'Call', { onUpdate: call, policy });
    },
  ],
  [
    'a reader that waits for the refresher',
    (stack) => {
      const project = projectIn(stack);
      project.node.addDependency(addShared(stack, project));
    },
  ],
  ['a reader of the key’s stack', (stack, other) => addShared(stack, new Role(other, 'Role', LAMBDA), other)],
  [
    'a reader of a stack that is deployed later',
    (stack, other) => {
      const refresher = addShared(stack, new ReaderRole(other, 'Readers', ROLE));
      other.addStackDependency(stack);
      other.exportValue(refresher.function.functionName, { name: 'x' });
    },
  ],
])('stands beside %s', (_, add) => {
  const app = newApp();
  const [own, other] = [new Stack(app, 'Own', { env: ENV }), new Stack(app, 'Other', { env: ENV })];

  add(own, other);

  // It also looks for circles within a template.
  for (const stack of [own, other]) expect(() => Template.fromStack(stack)).not.toThrow();
});

test('another key changes nothing for a reader that the app makes, which may decrypt this token only', () => {
  const decryptWith = (keyId: string) => {
    const stack = newStack(ENV);
    const reader = projectIn(stack);
    addShared(stack, reader, new Stack(stack.node.root as App, keyId, { env: ENV }));
    const ruleNames = new AwsSolutionsChecks(stack.node.root).validateScope(reader).violations;
    expect(JSON.stringify(ruleNames)).not.toContain('key/*');
    const [{ Properties } = { Properties: {} }] = Object.values(
      Template.fromStack(stack).findResources('AWS::IAM::Policy', {
        Properties: { Roles: [{ Ref: 'BuildRoleB7C66CB2' }] },
      }),
    );
    return Properties.PolicyDocument.Statement.filter(({ Action }: { Action: string }) =>
      Action.includes('kms:'),
    );
  };

  const [before, after] = [decryptWith('One'), decryptWith('Two')];

  expect(after).toEqual(before);
  expect(before).toMatchObject([{ Action: 'kms:Decrypt', Effect: 'Allow' }]);
  expect(JSON.stringify(before)).toMatch(
    /"kms:ViaService":\["ssm\..*PARAMETER_ARN":.*parameter\/ci\/deploy\/access-token.*:key\/\*/,
  );
});

describe('an organization forces', () => {
  const VPC = {
    vpcId: 'vpc-01234567',
    availabilityZones: ['eu-central-1a'],
    privateSubnetIds: ['subnet-01234567'],
  };
  const vpcConfig = { subnetIds: VPC.privateSubnetIds, securityGroupIds: ['sg-01234567'] };
  const KEY_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
  const BOUNDARY_ARN = 'arn:aws:iam::111122223333:policy/boundary';

  /** An app in which props of each construct of this class are replaced. */
  const injected = (
    { PROPERTY_INJECTION_ID: constructUniqueId }: { readonly PROPERTY_INJECTION_ID: string },
    forced: (scope: Construct, id: string) => object,
  ) => {
    const inject: IPropertyInjector['inject'] = (props, { scope, id }) => ({
      ...props,
      ...forced(scope, id),
    });
    return newApp({ propertyInjectors: [{ constructUniqueId, inject }] });
  };
  /** An app in which each resource of this class is changed after it was made. */
  const visited = (type: typeof CfnFunction | typeof CfnLogGroup, change: object) => {
    const app = newApp();
    Aspects.of(app).add({ visit: (node) => void (node instanceof type && Object.assign(node, change)) });
    return app;
  };
  const refreshed = (app: App) => {
    const stack = new Stack(app, 'Own', { env: ENV });
    addRefresher(stack);
    return Object.entries(Template.fromStack(stack).toJSON().Resources as Record<string, Resource>);
  };

  const before = refreshed(newApp());
  const named = (resources: typeof before) => resources.map(([id, { Type }]) => `${id} ${Type}`);
  /** Everything that the roles may do. */
  const actionsOf = (resources: typeof before) => {
    const actions: string[] = [];
    JSON.stringify(resources, (key, value) => {
      if (key === 'Action') actions.push(...[value].flat());
      return value;
    });
    return new Set(actions);
  };

  test.each<[string, App, string[]]>([
    [
      'a VPC by an injector',
      injected(LambdaFunction, (scope) => ({ vpc: Vpc.fromVpcAttributes(scope, 'Forced', VPC) })),
      ['ec2'],
    ],
    ['a VPC by an Aspect', visited(CfnFunction, { vpcConfig }), ['ec2']],
    [
      'a key for secrets',
      injected(Secret, (scope) => ({ encryptionKey: Key.fromKeyArn(scope, 'Forced', KEY_ARN) })),
      ['kms'],
    ],
    ['retention by an injector', injected(LogGroup, () => ({ retention: 400 })), []],
    ['retention by an Aspect', visited(CfnLogGroup, { retentionInDays: 400 }), []],
    [
      'a boundary by an injector',
      injected(Role, (scope, id) => ({
        permissionsBoundary: ManagedPolicy.fromManagedPolicyArn(scope, `${id}Boundary`, BOUNDARY_ARN),
      })),
      [],
    ],
  ])('%s: the ids stay, and the roles may do no more than that needs', (what, app, services) => {
    const after = refreshed(app);

    expect(named(before).filter((one) => !named(after).includes(one))).toEqual([]);
    const more = [...actionsOf(after)].filter((one) => !actionsOf(before).has(one));
    expect([...new Set(more.map((one) => one.split(':')[0]))]).toEqual(services);
    const days = what.startsWith('retention') ? 400 : 30;
    for (const [, { Type, Properties = {}, DependsOn = [] }] of after) {
      if (Type === 'AWS::IAM::Role') {
        expect(Properties.ManagedPolicyArns).toBeUndefined();
        expect(Properties.PermissionsBoundary !== undefined).toBe(what.startsWith('a boundary'));
      }
      if (Type === 'AWS::Lambda::Function') {
        expect(DependsOn.some((one) => /VpcActions/.test(one))).toBe(what.startsWith('a VPC'));
      }
      if (Type === 'AWS::Logs::LogGroup') expect(Properties.RetentionInDays).toBe(days);
    }
  });
});
