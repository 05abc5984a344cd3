import { CreateSecretCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { connectContract } from './contract.ts';

/* The permissions that a call needs, which the emulator of `npm run contract` does not check. */
const place = { region: 'eu-central-1', accountId: '111122223333' };
const SSM_ALL = { Effect: 'Allow', Action: 'ssm:*', Resource: '*' };

let endpoint: AwsEndpoint;
let admin: ReturnType<typeof connectContract>;

beforeAll(async () => {
  endpoint = await startAwsEndpoint(place);
  admin = connect(endpoint.iam.registerAdministrator());
});
afterAll(() => endpoint.close());

const connect = (credentials: { accessKeyId: string; secretAccessKey: string }) =>
  connectContract({ url: endpoint.url, credentials });

function connectAs(...Statement: object[]) {
  const arn = `arn:aws:sts::${place.accountId}:assumed-role/refresher/session`;
  return connect(endpoint.iam.register({ arn, policies: [{ Version: '2012-10-17', Statement }] }));
}

const put = (clients: typeof admin, KeyId: string, Value: string, Name = '/ci/a') =>
  clients.ssm.send(
    new PutParameterCommand({
      ...{ Name, Value, KeyId, Type: 'SecureString', Tier: 'Intelligent-Tiering', Overwrite: true },
    }),
  );
const get = (clients: typeof admin, Name: string) =>
  clients.ssm
    .send(new GetParameterCommand({ Name, WithDecryption: true }))
    .then(({ Parameter }) => Parameter?.Value);

test('a secret by name is checked against its ARN, suffix and all', async () => {
  const { ARN } = await admin.secrets.send(new CreateSecretCommand({ Name: 'demo', SecretString: 'x' }));
  const reader = connectAs({ Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: ARN });

  const value = await reader.secrets.send(new GetSecretValueCommand({ SecretId: 'demo' }));

  expect(value.SecretString).toBe('x');
  await expect(reader.secrets.send(new GetSecretValueCommand({ SecretId: 'other' }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
  });
});

test('an own key asks for kms:Decrypt, scoped to the parameter or not at all', async () => {
  const { arn } = endpoint.kms.addKey();
  const decrypt = {
    Effect: 'Allow',
    Action: 'kms:Decrypt',
    Resource: arn,
    Condition: {
      StringEquals: {
        'kms:EncryptionContext:PARAMETER_ARN': `arn:aws:ssm:${place.region}:${place.accountId}:parameter/ci/a`,
        'kms:ViaService': 'ssm.eu-central-1.amazonaws.com',
      },
    },
  };
  for (const name of ['/ci/a', '/ci/b']) await put(admin, arn, 'value', name);

  await expect(get(connectAs(SSM_ALL), '/ci/a')).rejects.toThrow(`kms:Decrypt on resource: ${arn}`);
  const scoped = connectAs(SSM_ALL, decrypt);
  expect(await get(scoped, '/ci/a')).toBe('value');
  await expect(get(scoped, '/ci/b')).rejects.toMatchObject({ name: 'AccessDeniedException' });
});

test('an advanced SecureString asks for a data key as well', async () => {
  const { arn } = endpoint.kms.addKey();
  const encryptOnly = connectAs(SSM_ALL, { Effect: 'Allow', Action: 'kms:Encrypt', Resource: arn });

  await put(encryptOnly, arn, 'value');

  await expect(put(encryptOnly, arn, 'x'.repeat(5_000))).rejects.toThrow('kms:GenerateDataKey');
});
