import { LabelParameterVersionCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { MINT_TIME_LIMIT_MS } from '../../../lambda/contract.ts';
import { openParameters } from '../../../lambda/refresh/parameters.ts';
import type { Status } from '../../../lambda/refresh/status.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { administratorPolicy } from '../../../local/aws/iam.ts';

const awsTime = new Date('2026-11-20T14:00:07Z');
const tokenParameter = '/ci/genesys/access-token';
const statusParameter = '/ci/genesys/token-status';
const canary = 'canary-token-value';

const status: Status = {
  token: {
    version: 1,
    fingerprint: '9f86d081884c',
    issuedAt: new Date('2026-11-20T14:00:00Z'),
    expiresAt: new Date('2026-11-20T15:00:00Z'),
    refreshDueAt: new Date('2026-11-20T14:50:00Z'),
    provider: 'oauth2',
  },
  provider: 'oauth2',
  lastFailure: null,
};

let aws: AwsEndpoint;
let client: SSMClient;
beforeEach(async () => {
  aws = await startAwsEndpoint({ region: 'eu-central-1', accountId: '111122223333', now: () => awsTime });
  client = clientFor([administratorPolicy]);
});
afterEach(async () => {
  client.destroy();
  await aws.close();
});

function clientFor(policies: object[]): SSMClient {
  const arn = 'arn:aws:sts::111122223333:assumed-role/refresher/session';
  const credentials = aws.registerPrincipal({ arn, policies: policies as (typeof administratorPolicy)[] });
  return new SSMClient({ region: aws.region, endpoint: aws.url, credentials, maxAttempts: 2 });
}

const open = (
  options: { encryptionKeyArn?: string; client?: SSMClient; parameterTags?: Record<string, string> } = {},
) => openParameters({ tokenParameter, statusParameter, encryptionKeyArn: undefined, client, ...options });
const signal = () => AbortSignal.timeout(10_000);
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('did not fail');
    },
    (error: Error & { code: string }) => error,
  );

test('an empty Parameter Store reads as no token and no status, with AWS’s time', async () => {
  expect(await open().read({ signal: signal() })).toEqual({ tokenVersion: null, status: null, awsTime });
});

test('both parameters are read with one call, without decryption', async () => {
  const parameters = open();
  expect(await parameters.writeToken({ accessToken: canary, signal: signal() })).toBe(1);
  await parameters.writeStatus({ status, signal: signal() });
  const before = aws.requests.length;
  expect(await parameters.read({ signal: signal() })).toMatchObject({ tokenVersion: 1, status });
  expect(aws.requests.slice(before).map(({ operation }) => operation)).toEqual(['GetParameters']);
  expect(aws.ssm.parameters.get(tokenParameter)?.versions[0]).toMatchObject({
    type: 'SecureString',
    value: canary,
  });
  expect(aws.ssm.parameters.get(statusParameter)?.versions[0]).toMatchObject({ type: 'String' });
});

test('a version of the token is read and decrypted; a version that no longer exists is null', async () => {
  const parameters = open();
  await parameters.writeToken({ accessToken: 'first', signal: signal() });
  expect(await parameters.writeToken({ accessToken: 'second', signal: signal() })).toBe(2);
  expect(await parameters.readToken({ version: 1, signal: signal() })).toBe('first');
  expect(await parameters.readToken({ version: 2, signal: signal() })).toBe('second');
  expect(await parameters.readToken({ version: 9, signal: signal() })).toBeNull();
});

test.each([
  [4_096, 'Standard'],
  [4_097, 'Advanced'],
  [8_192, 'Advanced'],
])('a token of %i bytes is stored in the %s tier', async (length, tier) => {
  await open().writeToken({ accessToken: 'x'.repeat(length), signal: signal() });
  expect(aws.ssm.parameters.get(tokenParameter)?.versions[0]?.tier).toBe(tier);
});

test('a short token can be stored after a long one has made the parameter advanced', async () => {
  await open().writeToken({ accessToken: 'x'.repeat(5_000), signal: signal() });
  expect(await open().writeToken({ accessToken: 'short', signal: signal() })).toBe(2);
});

test('the 101st version can be written', async () => {
  const parameters = open();
  for (let version = 1; version <= 101; version += 1) {
    expect(await parameters.writeToken({ accessToken: `token-${version}`, signal: signal() })).toBe(version);
  }
});

test('a customer managed key encrypts the token', async () => {
  const { arn } = aws.kms.addKey();
  await open({ encryptionKeyArn: arn }).writeToken({ accessToken: canary, signal: signal() });
  expect(aws.ssm.parameters.get(tokenParameter)?.versions[0]?.keyId).toBe(arn);
});

test('a corrupt status reads as none', async () => {
  await client.send(
    new PutParameterCommand({ Name: statusParameter, Value: '{"schemaVersion":', Type: 'String' }),
  );
  expect(await open().read({ signal: signal() })).toMatchObject({ status: null });
});

test('a denied read says which action, on what, and what to do', async () => {
  const error = await failure(open({ client: clientFor([]) }).read({ signal: signal() }));
  expect(error.code).toBe('PARAMETER_UNAVAILABLE');
  expect(error.message).toContain(`ssm:GetParameters on ${tokenParameter} failed: AccessDeniedException`);
  expect(error.message).toContain('not authorized to perform: ssm:GetParameters');
  expect(error.message).toContain('Deploy the stack again');
});

test('a throttled read is tried again, and the error says so if it stays throttled', async () => {
  const once = aws.faults.add({
    match: { operation: 'GetParameters' },
    fault: { kind: 'throttle' },
    times: 1,
  });
  await open().read({ signal: signal() });
  expect(once.hits).toBe(1);
  aws.faults.add({ match: { operation: 'GetParameters' }, fault: { kind: 'throttle' } });
  const error = await failure(open().read({ signal: signal() }));
  expect(error).toMatchObject({
    code: 'PARAMETER_UNAVAILABLE',
    message: expect.stringContaining('throughput'),
  });
});

test('a read that hangs ends with the signal', async () => {
  aws.faults.add({ match: { operation: 'GetParameters' }, fault: { kind: 'hang' } });
  expect(await failure(open().read({ signal: AbortSignal.timeout(200) }))).toMatchObject({
    code: 'PARAMETER_UNAVAILABLE',
  });
});

test.each([
  ['denied', { kind: 'deny' }, 'Deploy the stack again'],
  ['cut', { kind: 'cut-before-executing' }, 'The next invocation tries again'],
  ['answered with 500', { kind: 'server-error' }, 'The next invocation tries again'],
] as const)(
  'a write that is %s is PARAMETER_NOT_WRITTEN and never tells the token',
  async (_, fault, advice) => {
    aws.faults.add({ match: { operation: 'PutParameter' }, fault });
    const error = await failure(open().writeToken({ accessToken: canary, signal: signal() }));
    expect(error).toMatchObject({ code: 'PARAMETER_NOT_WRITTEN', message: expect.stringContaining(advice) });
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain(canary);
    expect(aws.ssm.parameters.has(tokenParameter)).toBe(false);
  },
);

test('a write that stays throttled fails at its time limit, and the error says so', async () => {
  aws.faults.add({ match: { operation: 'PutParameter' }, fault: { kind: 'throttle' } });

  const error = await failure(open().writeToken({ accessToken: canary, signal: AbortSignal.timeout(2_000) }));

  expect(error).toMatchObject({
    code: 'PARAMETER_NOT_WRITTEN',
    message: expect.stringContaining('throughput'),
  });
});

test('16 tokens are stored although the account takes 3 writes a second', async () => {
  await aws.close();
  aws = await startAwsEndpoint({ region: 'eu-central-1', accountId: '111122223333' });
  client.destroy();
  client = clientFor([administratorPolicy]);
  aws.faults.limitParameterWrites(3);
  const names = Array.from({ length: 16 }, (_, index) => `/ci/genesys-${index}`);

  const write = async (name: string) => {
    const parameters = openParameters({
      tokenParameter: `${name}/access-token`,
      statusParameter: `${name}/token-status`,
      encryptionKeyArn: undefined,
      client,
    });
    // As long as a mint may take.
    const within = AbortSignal.timeout(MINT_TIME_LIMIT_MS);
    await parameters.writeToken({ accessToken: canary, signal: within });
    await parameters.writeStatus({ status, signal: within });
  };
  await Promise.all(names.map(write));

  expect(aws.ssm.parameters.size).toBe(2 * names.length);
});

test('the text of an AWS validation error, which could quote the token, is not repeated', async () => {
  const error = await failure(
    open().writeToken({ accessToken: `${canary}${'x'.repeat(9_000)}`, signal: signal() }),
  );
  expect(error.message).toMatch(
    /^ssm:PutParameter on \/ci\/genesys\/access-token failed: [A-Za-z]+\. The next invocation/,
  );
  expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(canary);
});

test('a disabled key is named as the cause', async () => {
  const { arn } = aws.kms.addKey({ state: 'Disabled' });
  const error = await failure(
    open({ encryptionKeyArn: arn }).writeToken({ accessToken: canary, signal: signal() }),
  );
  expect(error).toMatchObject({
    code: 'PARAMETER_NOT_WRITTEN',
    message: expect.stringContaining('encryptionKeyArn'),
  });
});

test('a parameter of another type, made by hand, says to delete it', async () => {
  await client.send(new PutParameterCommand({ Name: tokenParameter, Value: 'by hand', Type: 'String' }));
  const error = await failure(open().writeToken({ accessToken: canary, signal: signal() }));
  expect(error).toMatchObject({
    code: 'PARAMETER_NOT_WRITTEN',
    message: expect.stringContaining('aws ssm delete-parameter'),
  });
});

test('a label on the oldest of 100 versions says to remove it', async () => {
  const parameters = open();
  for (let version = 1; version <= 100; version += 1)
    await parameters.writeToken({ accessToken: 't', signal: signal() });
  const label = { Name: tokenParameter, ParameterVersion: 1, Labels: ['kept'] };
  await client.send(new LabelParameterVersionCommand(label));
  const error = await failure(parameters.writeToken({ accessToken: canary, signal: signal() }));
  expect(error).toMatchObject({
    code: 'PARAMETER_NOT_WRITTEN',
    message: expect.stringContaining('unlabel-parameter-version'),
  });
});

describe('with tags', () => {
  const parameterTags = { team: 'contact-centre', 'cost centre': '4711' };
  const tagsOf = (name: string) => Object.fromEntries(aws.ssm.parameters.get(name)?.tags ?? []);
  const calls = () =>
    aws.requests.map(({ operation }) => operation).filter((operation) => operation !== 'GetParameters');

  test('both parameters are created with them, by one call each', async () => {
    const parameters = open({ parameterTags });
    await parameters.read({ signal: signal() });

    expect(await parameters.writeToken({ accessToken: canary, signal: signal() })).toBe(1);
    await parameters.writeStatus({ status, signal: signal() });

    expect(calls()).toEqual(['PutParameter', 'PutParameter']);
    for (const name of [tokenParameter, statusParameter]) expect(tagsOf(name)).toEqual(parameterTags);
  });

  test('where a policy denies every parameter that is created without its tag', async () => {
    const enforced = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        {
          Effect: 'Deny',
          Action: 'ssm:PutParameter',
          Resource: '*',
          Condition: { Null: { 'aws:RequestTag/team': 'true' }, StringEquals: { 'ssm:Overwrite': 'false' } },
        },
      ],
    };
    const parameters = open({ parameterTags, client: clientFor([enforced]) });
    await parameters.read({ signal: signal() });

    const versions = [
      await parameters.writeToken({ accessToken: canary, signal: signal() }),
      await parameters.writeToken({ accessToken: canary, signal: signal() }),
    ];

    expect(versions).toEqual([1, 2]);
  });

  test('what was created by somebody else meanwhile is overwritten', async () => {
    const parameters = open({ parameterTags });
    await parameters.read({ signal: signal() });
    await open().writeToken({ accessToken: 'other', signal: signal() });

    expect(await parameters.writeToken({ accessToken: canary, signal: signal() })).toBe(2);
  });

  test('parameters that were there get them too, once, beside the tags of others', async () => {
    await open().writeToken({ accessToken: 'before', signal: signal() });
    await open({ parameterTags: { owner: 'somebody', team: 'old' } })
      .tag?.({ signal: signal() })
      .catch(() => {});
    await open().writeStatus({ status, signal: signal() });
    const parameters = open({ parameterTags });
    await parameters.read({ signal: signal() });

    for (let times = 1; times <= 2; times += 1) await parameters.tag?.({ signal: signal() });

    expect(tagsOf(tokenParameter)).toEqual({ owner: 'somebody', ...parameterTags });
    expect(tagsOf(statusParameter)).toEqual(parameterTags);
    expect(calls().slice(-3)).toEqual(['PutParameter', 'AddTagsToResource', 'AddTagsToResource']);
  });

  test('a denial says which action, on what', async () => {
    await open().writeToken({ accessToken: canary, signal: signal() });

    const error = await failure(
      Promise.resolve(open({ parameterTags, client: clientFor([]) }).tag?.({ signal: signal() })),
    );

    expect(error).toMatchObject({
      code: 'PARAMETER_NOT_WRITTEN',
      message: expect.stringContaining(`ssm:AddTagsToResource on ${tokenParameter} failed: AccessDenied`),
    });
  });

  test('none are set where none are configured', () => {
    expect(open()).not.toHaveProperty('tag');
  });
});
