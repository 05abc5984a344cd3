import assert from 'node:assert/strict';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetParameterCommand, GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { createHandler } from '../../lambda/deployment/handler.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import { parametersOf } from '../../local/harness.ts';
import { ADMIN_SECRET_NAME, openRotatingHarness } from '../../local/rotating-clients.ts';
import { policiesOfRole } from '../../local/synthesized-function.ts';
import { createResolver } from '../../local/template-resolver.ts';
import { startRecorder } from '../../test/support/recorder.ts';

/*
 * Lets each role of a stack do all of its work between the servers of local/, which evaluate its policies: it must make each call
 * that it is allowed (an action on a resource), and none else. A permission that is not needed ends this with 1.
 */

/** What Lambda itself does with a function's role; no code of ours makes these calls. */
const BY_LAMBDA = ['logs:CreateLogStream', 'logs:PutLogEvents'];

const harness = await openRotatingHarness({
  token: ({ aws }) => ({
    encryptionKeyArn: aws.kms.addKey().arn,
    secretEncryptionKeyArn: aws.kms.addKey().arn,
    tags: { team: 'contact-centre' },
    rotation: { adminSecretName: ADMIN_SECRET_NAME, adminSecretEncryptionKeyArn: aws.kms.addKey().arn },
  }),
});
const { Resources } = harness.assembly.template;
const resolver = createResolver(harness.assembly);
const role = (id: string) =>
  resolver.ref(
    Object.keys(Resources).find((one) => one.startsWith(id) && Resources[one]?.Type === 'AWS::IAM::Role') ??
      id,
  );
const deployment = clientsOf(role('DeploymentCalls'));
const job = clientsOf('ci-jobs');
try {
  await deploy('Create');
  // A use of the token that keeps it alive, a rotation, and a token that needs the advanced tier.
  harness.advance(5 * 60_000);
  await harness.invoke({});
  harness.administer('RotateSecret', { SecretId: harness.secretName });
  await harness.aws.rotated();
  const { faults } = harness.authorizationServer;
  faults.always('probe', { kind: 'answer', status: 200, headers: {}, body: '{}' });
  const rewrite = (body: object) => ({ ...body, access_token: 'x'.repeat(5_000) });
  faults.always('token', { kind: 'rewrite', rewrite });
  await harness.invoke({ force: true });
  await harness.invoke({ diagnose: true });
  // As CodeBuild and SDKs read; as access-token reads and forces.
  const Names = Object.values(parametersOf(harness.fn.tokenName));
  for (const Name of Names) await job.ssm.send(new GetParameterCommand({ Name, WithDecryption: true }));
  await job.ssm.send(new GetParametersCommand({ Names, WithDecryption: true }));
  await job.lambda.send(new InvokeCommand({ FunctionName: harness.fn.name }));
  await deploy('Delete');
  for (const { name, policyDocuments } of [harness.fn, ...harness.assembly.rotations, deployment, job])
    expectNeeded(name, policyDocuments);
} finally {
  await harness.close();
}

/** Clients of a job, or of a function that runs here, with the policies of its role. */
function clientsOf(name: string) {
  const policyDocuments = policiesOfRole(harness.assembly, name);
  const arn = `arn:aws:sts::${harness.aws.accountId}:assumed-role/${name}/${name}`;
  const options = harness.clientOptions(harness.aws.iam.register({ arn, policies: policyDocuments }));
  const pause = async () => assert.fail('a call was refused');
  return { name, policyDocuments, ssm: new SSMClient(options), lambda: new LambdaClient(options), pause };
}

/** What CloudFormation makes of the custom resources, in the order of the template, or at the stack's deletion. */
async function deploy(RequestType: 'Create' | 'Delete'): Promise<void> {
  const cloudFormation = await startRecorder(() => ({}));
  for (const [LogicalResourceId, { Type: ResourceType, Properties }] of Object.entries(Resources)) {
    if (!/^Custom::(TokenParameters|FirstMint)$/.test(ResourceType)) continue;
    await createHandler(deployment)({
      ...{ RequestType, ResourceType, LogicalResourceId, RequestId: 'request' },
      ...{
        StackId: resolver.ref('AWS::StackId'),
        PhysicalResourceId: parametersOf(harness.fn.tokenName).token,
      },
      ResponseURL: `http://127.0.0.1:${cloudFormation.port}/`,
      ResourceProperties: resolver.resolve(Properties),
    });
    assert.match(cloudFormation.requests.at(-1)?.body ?? '', /"SUCCESS"/);
  }
  await cloudFormation.close();
}

function expectNeeded(name: string, policyDocuments: readonly PolicyDocument[]): void {
  const own = harness.aws.calls.filter(({ principal }) => principal.endsWith(`/${name}`));
  assert.deepEqual(
    own.filter(({ allowed }) => !allowed),
    [],
    `${name} was refused`,
  );
  // The secret is known by its name: its ARN ends in six characters that the policy leaves open.
  const asNamed = (arn: string) => arn.replace(/(:secret:.+)-[A-Za-z0-9]{6}$/, '$1-??????');
  const made = new Set(own.map(({ iamAction, resource }) => `${iamAction} on ${asNamed(resource)}`));
  type Statement = { readonly Action: string | string[]; readonly Resource: string | string[] };
  const allowed = policyDocuments
    .flatMap(({ Statement }) => Statement as Statement[])
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((resource) => `${action} on ${resource}`)),
    )
    .filter((call) => !BY_LAMBDA.includes(call.split(' ')[0] ?? ''));
  assert.deepEqual([...made].sort(), [...new Set(allowed)].sort(), `${name} needs other permissions`);
  console.log(`${name}: makes the ${made.size} calls that it is allowed, and none else`);
}
