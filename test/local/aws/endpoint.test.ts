import { InvokeCommand, type InvokeCommandInput, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateSecretCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import type { PolicyDocument } from '../../../local/aws/operation.ts';
import { connectContract } from './contract.ts';

const place = { region: 'eu-central-1', accountId: '111122223333' };
const startOfTime = new Date('2026-11-20T14:00:00.000Z');
const role = `arn:aws:sts::${place.accountId}:assumed-role/refresher/session`;
const arnOf = (name: string) => `arn:aws:ssm:${place.region}:${place.accountId}:parameter${name}`;

let now = startOfTime;
let endpoint: AwsEndpoint;
let admin: ReturnType<typeof connectContract>;
const open: { destroy(): void }[] = [];

beforeEach(async () => {
  now = startOfTime;
  endpoint = await startAwsEndpoint({ ...place, now: () => now });
  admin = connect(endpoint.iam.registerAdministrator());
});
afterEach(async () => {
  for (const client of open.splice(0)) client.destroy();
  await endpoint.close();
});

function connect(credentials: { accessKeyId: string; secretAccessKey: string }) {
  const clients = connectContract({ url: endpoint.url, credentials });
  open.push(clients);
  return clients;
}

function connectAs(...statements: object[]) {
  const policy: PolicyDocument = { Version: '2012-10-17', Statement: statements };
  return connect(endpoint.iam.register({ arn: role, policies: [policy] }));
}

const put = (clients: typeof admin, Name: string, more = {}) =>
  clients.ssm.send(
    new PutParameterCommand({ Name, Value: 'value', Type: 'String', Overwrite: true, ...more }),
  );
const get = (clients: typeof admin, Name: string) =>
  clients.ssm
    .send(new GetParameterCommand({ Name, WithDecryption: true }))
    .then(({ Parameter }) => Parameter?.Value);

describe('identity and policies', () => {
  test('a secret by name is checked against its ARN, suffix and all', async () => {
    const { ARN } = await admin.secrets.send(new CreateSecretCommand({ Name: 'demo', SecretString: 'x' }));
    const reader = connectAs({ Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: ARN });

    const value = await reader.secrets.send(new GetSecretValueCommand({ SecretId: 'demo' }));

    expect(value.SecretString).toBe('x');
    await expect(reader.secrets.send(new GetSecretValueCommand({ SecretId: 'other' }))).rejects.toMatchObject(
      { name: 'AccessDeniedException' },
    );
  });
});

describe('KMS', () => {
  const ssmAll = { Effect: 'Allow', Action: 'ssm:*', Resource: '*' };
  const decrypt = (key: string, parameter: string) => ({
    Effect: 'Allow',
    Action: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'],
    Resource: key,
    Condition: {
      StringEquals: {
        'kms:EncryptionContext:PARAMETER_ARN': arnOf(parameter),
        'kms:ViaService': 'ssm.eu-central-1.amazonaws.com',
      },
    },
  });

  test('an own key asks for kms:Decrypt, scoped to the parameter or not at all', async () => {
    const { arn } = endpoint.kms.addKey();
    await put(admin, '/ci/a', { Type: 'SecureString', KeyId: arn });
    await put(admin, '/ci/b', { Type: 'SecureString', KeyId: arn });

    await expect(get(connectAs(ssmAll), '/ci/a')).rejects.toThrow(`kms:Decrypt on resource: ${arn}`);
    const scoped = connectAs(ssmAll, decrypt(arn, '/ci/a'));
    expect(await get(scoped, '/ci/a')).toBe('value');
    await expect(get(scoped, '/ci/b')).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('an advanced SecureString asks for a data key as well', async () => {
    const { arn } = endpoint.kms.addKey();
    const encryptOnly = connectAs(ssmAll, { Effect: 'Allow', Action: 'kms:Encrypt', Resource: arn });
    const input = { Type: 'SecureString', KeyId: arn };

    await put(encryptOnly, '/ci/a', input);

    await expect(put(encryptOnly, '/ci/a', { ...input, Tier: 'Advanced' })).rejects.toThrow(
      'kms:GenerateDataKey',
    );
  });
});

describe('Lambda', () => {
  let invocations: unknown[];
  let release: () => void;
  let lambda: LambdaClient;
  const invoke = (more: Partial<InvokeCommandInput> = {}) =>
    lambda.send(new InvokeCommand({ FunctionName: 'busy', Payload: Buffer.from('{}'), ...more }));
  beforeEach(() => {
    invocations = [];
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    endpoint.lambda.register({
      name: 'busy',
      concurrency: 1,
      async invoke(payload) {
        invocations.push(payload);
        await released;
        return { payload };
      },
    });
    const credentials = endpoint.iam.registerAdministrator();
    lambda = new LambdaClient({ endpoint: endpoint.url, region: place.region, credentials, maxAttempts: 1 });
    open.push(lambda);
  });

  test('a dry run does not run the function', async () => {
    const { StatusCode } = await invoke({ InvocationType: 'DryRun' });

    expect([StatusCode, invocations]).toEqual([204, []]);
  });

  test.each(['NoSuchAlias', '7'])('there is no version or alias %s', async (Qualifier) => {
    await expect(invoke({ Qualifier })).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    expect(invocations).toEqual([]);
  });

  test.each([
    [60, 2],
    [61, 1],
  ])('an event that waited %i seconds: %i invocations', async (seconds, count) => {
    for (const _ of [1, 2]) await invoke({ InvocationType: 'Event' });
    now = new Date(now.getTime() + seconds * 1_000);
    release();
    await endpoint.lambda.settled();

    expect(invocations).toHaveLength(count);
  });
});

test.each(['', 'no-token', 'a.b.c', 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln'])(
  '"%s" as a web identity token is 400',
  async (token) => {
    const body = new URLSearchParams({
      ...{ Version: '2011-06-15', Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: token },
      ...{ RoleArn: 'arn:aws:iam::111122223333:role/ci', RoleSessionName: 'job' },
    });

    const { status } = await fetch(endpoint.url, { method: 'POST', body });

    expect(status).toBe(400);
  },
);
