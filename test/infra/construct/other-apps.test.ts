import {
  App,
  Aspects,
  type IPropertyInjector,
  Mixin,
  Mixins,
  RemovalPolicies,
  Stack,
  Tags,
} from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { BuildSpec, Project } from 'aws-cdk-lib/aws-codebuild';
import { UserPool } from 'aws-cdk-lib/aws-cognito';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { ManagedPolicy, PermissionsBoundary, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { CfnFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnLogGroup, LogGroup } from 'aws-cdk-lib/aws-logs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Construct, type IConstruct } from 'constructs';
import { ReaderRole } from '../../../infra/construct/reader-role.ts';
import type { Resource } from '../../../local/cloud-assembly.ts';
import { temporaryDirectory } from '../../../local/temporary-directory.ts';
import { addRefresher } from './own-refresher.ts';

const ENV = { account: '111122223333', region: 'eu-central-1' };
const ROLE = { roleArns: ['arn:aws:iam::444455556666:role/ci'] };
const LAMBDA = { assumedBy: new ServicePrincipal('lambda.amazonaws.com') };
const projectIn = (stack: Stack) => new Project(stack, 'Build', { buildSpec: BuildSpec.fromObject({}) });
const newApp = () => new App({ outdir: temporaryDirectory(), analyticsReporting: false });

/** A refresher with a key in `keys`, whose token `reader` may read and refresh. */
function addShared(stack: Stack, reader: Role | Project, keys = stack) {
  const refresher = addRefresher(stack, { encryptionKey: new Key(keys, 'Key') });
  refresher.grants.read(reader);
  refresher.grants.refresh(reader);
  return refresher;
}

test.each<[string, (stack: Stack, other: Stack) => unknown]>([
  [
    'a custom resource of the CDK',
    (stack) => {
      addRefresher(stack);
      const call = { service: 'SSM', action: 'listTags', physicalResourceId: PhysicalResourceId.of('x') };
      const policy = AwsCustomResourcePolicy.fromSdkCalls({ resources: ['*'] });
      new AwsCustomResource(stack, 'Call', { onUpdate: call, policy });
    },
  ],
  [
    'the secret of a user pool’s client',
    (stack) => {
      const client = new UserPool(stack, 'Pool').addClient('Client', { generateSecret: true });
      stack.exportValue(client.userPoolClientSecret.unsafeUnwrap(), { name: 'x' });
      addRefresher(stack);
    },
  ],
  ['a construct of any name', (stack) => [addRefresher(stack), new Construct(stack, 'DeploymentCalls')]],
  [
    'a reader that waits for the refresher',
    (stack) => {
      const project = projectIn(stack);
      project.node.addDependency(addShared(stack, project));
    },
  ],
  [
    'a reader role that waits for the refresher',
    (stack) => {
      const role = new ReaderRole(stack, 'Readers', ROLE);
      role.node.addDependency(addShared(stack, role));
    },
  ],
  ['a reader of another stack', (stack, other) => addShared(stack, new Role(other, 'Reader', LAMBDA))],
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
    const stack = new Stack(newApp(), 'Own', { env: ENV });
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
  const own = (rest: string) => ({ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, rest]] });
  const place = `${ENV.region}:${ENV.account}`;

  const [before, after] = [decryptWith('One'), decryptWith('Two')];

  expect(after).toEqual(before);
  expect(before).toEqual([
    {
      Action: 'kms:Decrypt',
      Effect: 'Allow',
      Resource: own(`:kms:${place}:key/*`),
      Condition: {
        StringEquals: {
          'kms:ViaService': [`ssm.${ENV.region}.amazonaws.com`, expect.anything()],
          'kms:EncryptionContext:PARAMETER_ARN': [own(`:ssm:${place}:parameter/ci/deploy/access-token`)],
        },
      },
    },
  ]);
});

describe('an organization forces', () => {
  const VPC_CONFIG = { subnetIds: ['subnet-01234567'], securityGroupIds: ['sg-01234567'] };
  const VPC = {
    vpcId: 'vpc-01234567',
    availabilityZones: ['eu-central-1a'],
    privateSubnetIds: ['subnet-01234567'],
  };
  const KEY_ARN = 'arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555';
  const boundary = (scope: Construct, id: string) =>
    ManagedPolicy.fromManagedPolicyArn(scope, `${id}Boundary`, 'arn:aws:iam::111122223333:policy/boundary');

  class VpcMixin extends Mixin {
    applyTo(construct: IConstruct): void {
      if (construct instanceof CfnFunction) construct.vpcConfig = VPC_CONFIG;
    }
  }

  /** An app in which props of each construct of this class are replaced. */
  const injected = (constructUniqueId: string, forced: (scope: Construct, id: string) => object) => {
    const inject: IPropertyInjector['inject'] = (props, { scope, id }) => ({
      ...props,
      ...forced(scope, id),
    });
    return new App({ propertyInjectors: [{ constructUniqueId, inject }] });
  };
  /** An app in which each resource is changed after it was made. */
  const visited = (change: (node: IConstruct) => void) => {
    const app = new App();
    Aspects.of(app).add({ visit: change });
    return app;
  };
  const refreshed = (app: App, change: (stack: Stack) => unknown = () => {}) => {
    const stack = new Stack(app, 'Own', { env: ENV });
    addRefresher(stack);
    change(stack);
    return Object.entries(Template.fromStack(stack).toJSON().Resources as Record<string, Resource>);
  };

  const before = refreshed(new App());
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

  test.each<[string, () => typeof before, string[]]>([
    [
      'a VPC by an injector',
      () =>
        refreshed(
          injected(LambdaFunction.PROPERTY_INJECTION_ID, (scope) => ({
            vpc: Vpc.fromVpcAttributes(scope, 'Forced', VPC),
          })),
        ),
      ['ec2'],
    ],
    [
      'a VPC by an Aspect',
      () =>
        refreshed(
          visited((node) => {
            if (node instanceof CfnFunction) node.vpcConfig = VPC_CONFIG;
          }),
        ),
      ['ec2'],
    ],
    [
      'a VPC by a mixin',
      () => refreshed(new App(), (stack) => Mixins.of(stack).apply(new VpcMixin())),
      ['ec2'],
    ],
    [
      'a key for variables',
      () =>
        refreshed(
          visited((node) => {
            if (node instanceof CfnFunction) node.kmsKeyArn = KEY_ARN;
          }),
        ),
      [],
    ],
    [
      'a key for secrets',
      () =>
        refreshed(
          injected(Secret.PROPERTY_INJECTION_ID, (scope) => ({
            encryptionKey: Key.fromKeyArn(scope, 'Forced', KEY_ARN),
          })),
        ),
      ['kms'],
    ],
    [
      'retention by an injector',
      () => refreshed(injected(LogGroup.PROPERTY_INJECTION_ID, () => ({ retention: 400 }))),
      [],
    ],
    [
      'retention by an Aspect',
      () =>
        refreshed(
          visited((node) => {
            if (node instanceof CfnLogGroup) node.retentionInDays = 400;
          }),
        ),
      [],
    ],
    [
      'a boundary by an Aspect',
      () => refreshed(new App(), (stack) => PermissionsBoundary.of(stack).apply(boundary(stack, ''))),
      [],
    ],
    [
      'a boundary by an injector',
      () =>
        refreshed(
          injected(Role.PROPERTY_INJECTION_ID, (scope, id) => ({ permissionsBoundary: boundary(scope, id) })),
        ),
      [],
    ],
    ['tags', () => refreshed(new App(), (stack) => Tags.of(stack).add('cost-centre', '4711')), []],
    [
      'that nothing is deleted',
      () => refreshed(new App(), (stack) => RemovalPolicies.of(stack).retain()),
      [],
    ],
  ])('%s: the ids stay, and the roles may do no more than that needs', (what, force, services) => {
    const after = force();

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
