import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { BuildSpec, Project } from 'aws-cdk-lib/aws-codebuild';
import { UserPool } from 'aws-cdk-lib/aws-cognito';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import { AwsSolutionsChecks } from 'cdk-nag';
import { Construct } from 'constructs';
import { ReaderRole } from '../../../infra/construct/reader-role.ts';
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
