import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { startAuthorizationServer } from '../../local/authorization-server/authorization-server.ts';
import type { Template } from '../../local/cloud-assembly.ts';
import { createServerCertificate, trusting } from '../../local/server-certificate.ts';
import { createJobRole, openAccount, takeJobRole } from '../e2e/account.ts';
import { createCdk } from '../e2e/cdk.ts';
import { createCommands } from '../e2e/commands.ts';
import { ROOT } from '../e2e/server-process.ts';
import { openTarget } from '../e2e/target.ts';

/*
 * Takes each permission (an action on a resource) out of each role's policies in turn, on MiniStack, and lets the role do its
 * work, which must then fail. Words after the command select rows. Ends with 1 if a permission is not missed.
 */

/** What AWS's own services do with a role. MiniStack does it without one. */
const BY_AWS = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const BY_SCHEDULER = /HeartbeatRole/;

type Policy = { readonly Version: string; readonly Statement: readonly Statement[] };
type Statement = { readonly Action: string | string[]; readonly Resource: unknown };

/** A policy without one of its permissions. */
interface Mutant {
  readonly permission: string;
  readonly policy: Policy;
}

const wanted = process.argv.slice(2);
const missed: string[] = [];
const unnoticed: string[] = [];
const DOMAIN = 'genesys.test';
const HOSTS = [`login.${DOMAIN}`, `api.${DOMAIN}`];
const canary = (clientId: string, more: object = {}) => ({
  clientId,
  clientSecret: `canary-${clientId}`,
  ...more,
});
const [active, idle, admin] = [
  canary('active', { roles: ['ci'] }),
  canary('idle', { roles: ['ci'] }),
  canary('admin', { mayEditClients: true }),
];
const tls = await createServerCertificate(HOSTS);
const target = await openTarget({
  ...trusting(tls),
  LOOPBACK_HOSTS: HOSTS.join(','),
  NODE_OPTIONS: `--import ${join(ROOT, 'local/loopback-hosts.ts')}`,
});
const server = await startAuthorizationServer({
  clients: [active, idle, admin],
  hostname: HOSTS[0] as string,
  tls,
});
try {
  await tryAll();
} finally {
  await server.close();
  await target.close();
}
console.log(`${missed.length} of ${missed.length + unnoticed.length} permissions missed`);
process.exitCode = unnoticed.length === 0 && missed.length > 0 ? 0 : 1;

async function tryAll(): Promise<void> {
  const commands = createCommands(target.env, AbortSignal.timeout(3_600_000));
  const account = openAccount(commands);
  const names = { prefix: '/prove', secret: 'prove', role: 'prove-job' };
  const secretEncryptionKeyArn = await account.createKey();
  const rotation = { adminSecretName: 'prove-admin', adminSecretEncryptionKeyArn: await account.createKey() };
  const token = {
    ...{ name: 'tried', prefix: names.prefix, reservedConcurrency: 0, tags: { team: 'ci' } },
    ...{ provider: 'genesys-cloud', region: `${DOMAIN}:${server.port}`, allowUnlistedDomain: true },
    ...{ secretName: names.secret, secretEncryptionKeyArn, encryptionKeyArn: await account.createKey() },
    rotation,
    readers: [await createJobRole({ account, names })],
  };
  const store = (value: object, name: string, key: string) =>
    account.storeSecret(value, 'create-secret', '--name', name, '--kms-key-id', key);
  const { clientId: client_id, clientSecret: client_secret } = active;
  await store(
    { client_id, client_secret, idle_client_id: idle.clientId },
    names.secret,
    secretEncryptionKeyArn,
  );
  await store(
    { client_id: admin.clientId, client_secret: admin.clientSecret },
    ...([rotation.adminSecretName, rotation.adminSecretEncryptionKeyArn] as const),
  );
  const stackName = 'TokenRefresherProve';
  const cdk = createCdk(stackName, target, commands);
  await cdk.bootstrap([token]);
  await cdk.deploy([token], { edit: withoutRotationSchedule });
  const job = await takeJobRole({ account, names });
  const resources = await account.stackResources(stackName);
  const rotator =
    resources.find(
      ({ LogicalResourceId: id, ResourceType }) =>
        ResourceType === 'AWS::Lambda::Function' && id.includes('Rotation'),
    )?.PhysicalResourceId ?? '';

  const functionName = `token-refresher-prove-${token.name}`;
  const parameters = ['access-token', 'token-status'].map((name) => `${names.prefix}/${token.name}/${name}`);
  const refresh = async () => {
    // Only a new parameter is tagged.
    await account.call('ssm', 'delete-parameters', '--names', ...parameters);
    await account.invoke(functionName, { force: true });
    // A token that needs the advanced tier.
    server.faults.always('probe', { kind: 'answer', status: 200, headers: {}, body: '{}' });
    const rewrite = (body: object) => ({ ...body, access_token: 'x'.repeat(5_000) });
    server.faults.always('token', { kind: 'rewrite', rewrite });
    try {
      await account.invoke(functionName, { force: true });
    } finally {
      server.faults.clear();
    }
    await account.invoke(functionName, { force: true });
    const { healthy, ...found } = await account.invoke(functionName, { diagnose: true });
    assert.equal(healthy, true, JSON.stringify(found));
  };
  const read = async () => {
    const run = async (...command: string[]) => {
      const { status, stdout, stderr } = await commands.run(command, { env: job });
      assert.equal(status, 0, stdout + stderr);
    };
    // As CodeBuild and SDKs read them, one by one; and as jobs do.
    for (const name of parameters)
      await run('aws', 'ssm', 'get-parameter', '--with-decryption', '--name', name);
    for (const verb of ['get', 'doctor'])
      await run('sh', join(ROOT, 'ci/access-token'), verb, 'tried', '--prefix', names.prefix);
  };
  // As Secrets Manager does it: MiniStack's RotateSecret invokes no function, and leaves AWSPENDING where it was.
  const rotate = async () => {
    const ofSecret = ['--secret-id', names.secret];
    const { VersionIdsToStages: stages } = await account.call<{
      VersionIdsToStages: Record<string, string[]>;
    }>(...['secretsmanager', 'describe-secret', ...ofSecret]);
    for (const id of Object.keys(stages).filter((id) => stages[id]?.includes('AWSPENDING'))) {
      const from = ['--version-stage', 'AWSPENDING', '--remove-from-version-id', id];
      await account.call('secretsmanager', 'update-secret-version-stage', ...ofSecret, ...from);
    }
    const ClientRequestToken = randomUUID();
    const empty = ['--client-request-token', ClientRequestToken, '--version-stages', 'AWSPENDING'];
    await account.call('secretsmanager', 'put-secret-value', ...ofSecret, ...empty);
    for (const Step of ['createSecret', 'testSecret', 'finishSecret'])
      await account.invoke(rotator, { Step, ClientRequestToken, SecretId: names.secret });
  };

  const roles = resources
    .filter(({ ResourceType }) => ResourceType === 'AWS::IAM::Role')
    .map(({ LogicalResourceId, PhysicalResourceId }) => ({
      id: LogicalResourceId,
      role: PhysicalResourceId,
    }));
  for (const { id, role } of [...roles, { id: 'job', role: names.role }]) {
    // The deployment function works while a stack is deployed: below.
    if (id.startsWith('DeploymentCalls') || BY_SCHEDULER.test(id)) continue;
    const work = id === 'job' ? read : id.includes('Rotation') ? rotate : refresh;
    await refresh();
    await work();
    const ofRole = ['--role-name', role];
    const { PolicyNames } = await account.call<{ PolicyNames: string[] }>(
      'iam',
      'list-role-policies',
      ...ofRole,
    );
    for (const name of PolicyNames) {
      const words = [...ofRole, '--policy-name', name];
      const { PolicyDocument } = await account.call<{ PolicyDocument: Policy }>(
        'iam',
        'get-role-policy',
        ...words,
      );
      const put = (policy: Policy) =>
        account.call('iam', 'put-role-policy', ...words, '--policy-document', JSON.stringify(policy));
      for (const { permission, policy } of mutantsOf(PolicyDocument)) {
        await tryOne(`${id}: ${permission}`, async () => {
          await put(policy);
          await work().finally(() => put(PolicyDocument));
        });
      }
    }
  }

  // A stack of its own for each permission of the deployment function: its template lacks the permission.
  const deployAndDelete = async (nth: number) => {
    const other = createCdk(`${stackName}${nth}`, target, commands);
    const edit = (template: Template) => {
      deploymentMutants(template)[nth]?.apply();
      withoutRotationSchedule(template);
      // Only the deployment mints.
      for (const { Type, Properties = {} } of Object.values(template.Resources))
        if (Type === 'AWS::Scheduler::Schedule') Object.assign(Properties, { State: 'DISABLED' });
    };
    await other.deploy([{ ...token, name: `other${nth}`, readers: [], rotation: undefined }], { edit });
    const { accessToken } = await account.readStored(`${names.prefix}/other${nth}`);
    assert.ok(accessToken, 'the deployment minted no token');
    await account.deleteStack(other.stackName);
  };
  const mutants = deploymentMutants(await account.template(stackName));
  await deployAndDelete(mutants.length);
  for (const [nth, { permission }] of mutants.entries())
    await tryOne(`deployment: ${permission}`, () => deployAndDelete(nth));
}

/** MiniStack has no rotation schedules. */
function withoutRotationSchedule({ Resources }: Template): void {
  const resources: Record<string, unknown> = Resources;
  for (const [id, { Type }] of Object.entries(Resources))
    if (Type === 'AWS::SecretsManager::RotationSchedule') delete resources[id];
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

/** The policy without each of its permissions. */
function mutantsOf({ Version, Statement: statements }: Policy): Mutant[] {
  const single = statements.flatMap((statement) =>
    [statement.Action]
      .flat()
      .flatMap((Action) =>
        [statement.Resource].flat().map((Resource) => ({ ...statement, Action, Resource })),
      ),
  );
  return single
    .filter(({ Action }) => !BY_AWS.includes(Action))
    .map((one) => ({
      permission: `${one.Action} on ${/[\w/?-]+(?=["\]}]*$)/.exec(JSON.stringify(one.Resource))}`,
      // A policy must not be empty.
      policy: {
        Version,
        Statement: [
          ...single.filter((other) => other !== one),
          { Effect: 'Allow', Action: 'sts:GetCallerIdentity', Resource: '*' },
        ],
      },
    }));
}
