import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Template } from '../../local/cloud-assembly.ts';
import { ADMIN_SECRET_NAME, openRotatingHarness } from '../../local/rotating-clients.ts';
import { createJobRole, openAccount, takeJobRole } from '../e2e/account.ts';
import { createCdk } from '../e2e/cdk.ts';
import { createCommands } from '../e2e/commands.ts';
import { ROOT } from '../e2e/server-process.ts';
import { openTarget } from '../e2e/target.ts';
import { startLocalTokenServer } from '../e2e/token-server.ts';

/*
 * Takes each permission (an action on a resource) of a job, and of the function for deployments, away in turn, on MiniStack. Its
 * work must then fail. Words after the command select rows. The functions of a token run between the servers of local/: they must
 * make each call that they are allowed, and none else. Ends with 1 if a permission is not needed.
 */

/** What Lambda itself does with a function's role; no code of ours makes these calls. */
const BY_LAMBDA = ['logs:CreateLogStream', 'logs:PutLogEvents'];

type Policy = { readonly Version: string; readonly Statement: readonly Statement[] };
type Statement = { readonly Action: string | string[]; readonly Resource: unknown };

/** A policy without one of its permissions. */
interface Mutant {
  readonly permission: string;
  readonly policy: Policy;
}

const STACK = 'TokenRefresherProve';
const PREFIX = '/prove';
const JOB = { role: 'prove-job' };
const wanted = process.argv.slice(2);
const missed: string[] = [];
const unnoticed: string[] = [];
await tryFunctions();
const server = await startLocalTokenServer();
const target = await openTarget();
const commands = createCommands(target.env, AbortSignal.timeout(3_600_000));
const account = openAccount(commands);
try {
  const token = {
    ...{ name: 'tried', prefix: PREFIX, reservedConcurrency: 0, secretName: 'prove' },
    ...{ provider: 'oauth2', tokenUrl: server.tokenUrl, encryptionKeyArn: await account.createKey() },
    readers: [await createJobRole({ account, names: JOB })],
  };
  await account.storeSecret(server.client, 'create-secret', '--name', token.secretName);
  const cdk = createCdk(STACK, target, commands);
  await cdk.bootstrap([token]);
  await cdk.deploy([token]);
  await tryJob(token.name);
  await tryDeployments({ ...token, name: 'other', readers: [] });
} finally {
  await server.close();
  await target.close();
}
console.log(`${missed.length} of ${missed.length + unnoticed.length} permissions missed`);
process.exitCode = unnoticed.length === 0 && missed.length > 0 ? 0 : 1;

async function tryJob(name: string): Promise<void> {
  const env = await takeJobRole({ account, names: JOB });
  // As CodeBuild and SDKs read the parameters, one by one; and as jobs do.
  const words = ['aws', 'ssm', 'get-parameter', '--with-decryption', '--name'];
  const script = ['sh', join(ROOT, 'ci/access-token')];
  const read = async () => {
    for (const parameter of ['access-token', 'token-status'])
      await commands.succeed([...words, `${PREFIX}/${name}/${parameter}`], { env });
    for (const verb of ['get', 'doctor'])
      await commands.succeed([...script, verb, name, '--prefix', PREFIX], { env });
  };
  await read();
  const iam = <T>(verb: string, ...more: string[]) =>
    account.call<T>('iam', verb, '--role-name', JOB.role, ...more);
  const { PolicyNames } = await iam<{ PolicyNames: string[] }>('list-role-policies');
  for (const policyName of PolicyNames) {
    const ofPolicy = ['--policy-name', policyName];
    const { PolicyDocument } = await iam<{ PolicyDocument: Policy }>('get-role-policy', ...ofPolicy);
    const put = (policy: Policy) =>
      iam('put-role-policy', ...ofPolicy, '--policy-document', JSON.stringify(policy));
    for (const { permission, policy } of mutantsOf(PolicyDocument)) {
      await tryOne(`job: ${permission}`, async () => {
        await put(policy);
        await read().finally(() => put(PolicyDocument));
      });
    }
  }
}

/** Deploys and deletes a stack of its own for each permission: its template lacks the permission. */
async function tryDeployments(token: object): Promise<void> {
  const deployAndDelete = async (nth: number) => {
    const cdk = createCdk(`${STACK}${nth}`, target, commands);
    const name = `other${nth}`;
    const edit = (template: Template) => {
      deploymentMutants(template)[nth]?.apply();
      // Only the deployment mints.
      for (const { Type, Properties = {} } of Object.values(template.Resources))
        if (Type === 'AWS::Scheduler::Schedule') Object.assign(Properties, { State: 'DISABLED' });
    };
    await cdk.deploy([{ ...token, name }], { edit });
    const { accessToken } = await account.readStored(`${PREFIX}/${name}`);
    assert.ok(accessToken, 'the deployment minted no token');
    await account.deleteStack(cdk.stackName);
  };
  const mutants = deploymentMutants(await account.template(STACK));
  await deployAndDelete(mutants.length);
  for (const [nth, { permission }] of mutants.entries())
    await tryOne(`deployment: ${permission}`, () => deployAndDelete(nth));
}

/** The permissions that custom resources give to the deployment function. */
function deploymentMutants({ Resources }: Template): (Mutant & { apply(): void })[] {
  return Object.values(Resources)
    .filter(({ Type, Properties }) => {
      return Type === 'AWS::IAM::Policy' && JSON.stringify(Properties?.Roles).includes('DeploymentCalls');
    })
    .flatMap(({ Properties = {} }) =>
      mutantsOf(Properties.PolicyDocument as Policy).map((mutant) => ({
        ...mutant,
        apply: () => void Object.assign(Properties, { PolicyDocument: mutant.policy }),
      })),
    );
}

/** Does what must fail, and notes whether it does. */
async function tryOne(name: string, work: () => Promise<void>): Promise<void> {
  if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) return;
  const problem: Error | undefined = await work().then(
    () => undefined,
    (error: Error) => error,
  );
  (problem === undefined ? unnoticed : missed).push(name);
  const reason = problem?.message.trim().split('\n').at(-1)?.slice(0, 100);
  console.log(`${name}: ${problem === undefined ? 'NOT MISSED' : `missed (${reason})`}`);
}

/** Lets the functions of a token do all of their work, and compares their calls with their policies. */
async function tryFunctions(): Promise<void> {
  const harness = await openRotatingHarness({
    token: ({ aws }) => ({
      encryptionKeyArn: aws.kms.addKey().arn,
      secretEncryptionKeyArn: aws.kms.addKey().arn,
      tags: { team: 'contact-centre' },
      rotation: { adminSecretName: ADMIN_SECRET_NAME, adminSecretEncryptionKeyArn: aws.kms.addKey().arn },
    }),
  });
  try {
    // A first token, the use of it that keeps it alive, and one that needs the advanced tier.
    await harness.invoke({});
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
    for (const { name, policyDocuments } of [harness.fn, ...harness.assembly.rotations]) {
      const own = harness.aws.calls.filter(({ principal }) => principal.endsWith(`/${name}`));
      assert.ok(own.every(({ allowed }) => allowed));
      // The secret is known by its name: its ARN ends in six characters that the policy leaves open.
      const asNamed = (arn: string) => arn.replace(/(:secret:.+)-[A-Za-z0-9]{6}$/, '$1-??????');
      const made = new Set(own.map(({ iamAction, resource }) => `${iamAction} on ${asNamed(resource)}`));
      const allowed = (policyDocuments as Policy[])
        .flatMap(singleOf)
        .filter(({ Action }) => !BY_LAMBDA.includes(Action))
        .map(({ Action, Resource }) => `${Action} on ${Resource}`);
      assert.deepEqual([...made].sort(), allowed.sort());
      console.log(`${name}: makes the ${allowed.length} calls that it is allowed`);
    }
  } finally {
    await harness.close();
  }
}

/** The policy without each of its permissions. */
function mutantsOf(policy: Policy): Mutant[] {
  const single = singleOf(policy);
  return single.map((one) => ({
    permission: `${one.Action} on ${/[\w/?-]+(?=["\]}]*$)/.exec(JSON.stringify(one.Resource))}`,
    // A policy must not be empty.
    policy: {
      Version: policy.Version,
      Statement: [
        ...single.filter((other) => other !== one),
        { Effect: 'Allow', Action: 'sts:GetCallerIdentity', Resource: '*' },
      ],
    },
  }));
}

/** The policy's statements, for one action on one resource each. */
function singleOf({ Statement: statements }: Policy) {
  return statements.flatMap((statement) =>
    [statement.Action]
      .flat()
      .flatMap((Action) =>
        [statement.Resource].flat().map((Resource) => ({ ...statement, Action, Resource })),
      ),
  );
}
