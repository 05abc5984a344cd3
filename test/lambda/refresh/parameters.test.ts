import { SSMClient } from '@aws-sdk/client-ssm';
import { openParameters } from '../../../lambda/refresh/parameters.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { administratorPolicy } from '../../../local/aws/iam.ts';
import type { PolicyDocument } from '../../../local/aws/operation.ts';
import { type Account, openAccount } from '../../../local/harness.ts';

const tokenParameter = '/ci/demo/access-token';
const statusParameter = '/ci/demo/token-status';
const CANARY = 'canary-token-value';
const STATUS = { token: null, provider: 'oauth2', lastFailure: null };

let account: Account;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

type Options = Partial<Parameters<typeof openParameters>[0]>;

/** The two parameters, as a role with these policies opens them. */
function open(options: Options = {}, policies: readonly PolicyDocument[] = [administratorPolicy]) {
  const arn = 'arn:aws:sts::111122223333:assumed-role/refresher/session';
  const credentials = account.aws.iam.register({ arn, policies: [...policies] });
  const client = new SSMClient({ ...account.clientOptions(credentials), maxAttempts: 2 });
  return openParameters({ tokenParameter, statusParameter, encryptionKeyArn: undefined, client, ...options });
}
const within = (ms = 10_000) => AbortSignal.timeout(ms);
const write = (accessToken: string, options?: Options) =>
  open(options).writeToken({ accessToken, signal: within() });
const failure = (promise: Promise<unknown> | undefined) =>
  Promise.resolve(promise).then(
    () => {
      throw new Error('did not fail');
    },
    (error: Error & { code: string }) => error,
  );
const versionOf = (name: string) => account.aws.ssm.parameters.get(name)?.versions.at(-1);
const calls = () => account.aws.requests.map(({ operation }) => operation);

describe('a read', () => {
  test('of an empty Parameter Store is no token and no status, with AWS’s time', async () => {
    const { awsTime, ...found } = await open().read({ signal: within() });

    expect(found).toEqual({ tokenVersion: null, status: null });
    expect(Math.abs(Number(awsTime) - account.now().getTime())).toBeLessThan(5_000);
  });

  test('of both parameters is one call, which does not decrypt', async () => {
    const parameters = open();
    expect(await parameters.writeToken({ accessToken: CANARY, signal: within() })).toBe(1);
    await parameters.writeStatus({ status: STATUS, signal: within() });
    const before = calls().length;

    const found = await parameters.read({ signal: within() });

    expect(found).toMatchObject({ tokenVersion: 1, status: STATUS });
    expect(found).not.toHaveProperty('statusContradictsToken');
    expect(calls().slice(before)).toEqual(['GetParameters']);
    expect(versionOf(tokenParameter)).toMatchObject({ type: 'SecureString', value: CANARY });
    expect(versionOf(statusParameter)).toMatchObject({ type: 'String' });
  });

  test('tells that a status was written more than five seconds before the token', async () => {
    await open().writeStatus({ status: STATUS, signal: within() });
    account.advance(7_000);
    await write('later');

    expect(await open().read({ signal: within() })).toMatchObject({ statusContradictsToken: true });
  });

  test('tells that a status claims that the token was issued after it was written', async () => {
    await write('dead');
    account.advance(50 * 60_000);
    const minutes = (ahead: number) => new Date(account.now().getTime() + ahead * 60_000);
    const life = { issuedAt: minutes(0), refreshDueAt: minutes(50), expiresAt: minutes(60) };
    const token = { version: 1, fingerprint: '9f86d081884c', provider: 'oauth2', ...life };
    await open().writeStatus({ status: { ...STATUS, token }, signal: within() });

    expect(await open().read({ signal: within() })).toMatchObject({ statusContradictsToken: true });
  });

  test('of one version decrypts it; a version that no longer exists is null', async () => {
    await write('first');
    expect(await write('second')).toBe(2);

    const found = [1, 2, 9].map((version) => open().readToken({ version, signal: within() }));

    expect(await Promise.all(found)).toEqual(['first', 'second', null]);
  });
});

describe('a write of the token', () => {
  test('is encrypted with a customer managed key', async () => {
    const { arn } = account.aws.kms.addKey();

    await write(CANARY, { encryptionKeyArn: arn });

    expect(versionOf(tokenParameter)?.keyId).toBe(arn);
  });

  const put = { operation: 'PutParameter' };
  const refuse = (code: string, status?: number) => () => {
    throw new AwsError(code, CANARY, status);
  };
  test.each([
    ['HierarchyTypeMismatchException', /aws ssm delete-parameter\); the next invocation then creates it/],
    ['ParameterLimitExceeded', /Delete those that nobody uses.*aws ssm delete-parameter.*raise the quota/],
    // AWS's text could quote the token.
    [
      'ValidationException',
      /^ssm:PutParameter on \/ci\/demo\/access-token failed: Val[a-zA-Z]+\. The next inv/,
    ],
  ])('that fails with %s says what to do, and never tells the token', async (code, expected) => {
    account.aws.faults.hook('before-executing', put, refuse(code));

    const error = await failure(write(CANARY));

    expect(error).toMatchObject({ code: 'PARAMETER_NOT_WRITTEN', message: expect.stringMatching(expected) });
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toContain(CANARY);
  });

  test.each<[string, number?]>([['TooManyUpdates'], ['Other', 503]])(
    'is not lost by a transient error: %s',
    async (code, status) => {
      const run = refuse(code, status);
      account.aws.faults.add({ match: put, fault: { kind: 'before-executing', run }, times: 2 });

      expect(await write(CANARY)).toBe(1);
    },
  );

  test('that is throttled up to its time limit says so', async () => {
    account.aws.faults.add({ match: put, fault: { kind: 'throttle' } });

    const error = await failure(open().writeToken({ accessToken: CANARY, signal: within(2_000) }));

    expect(error).toMatchObject({
      code: 'PARAMETER_NOT_WRITTEN',
      message: expect.stringContaining('throughput'),
    });
  });

  test('and its status are advanced where the account has its standard parameters', async () => {
    account.aws.ssm.quota.standardParameters = 0;

    await write(CANARY);
    await open().writeStatus({ status: STATUS, signal: within() });

    expect(versionOf(tokenParameter)?.tier).toBe('Advanced');
    expect(versionOf(statusParameter)?.tier).toBe('Advanced');
  });
});

describe('with tags', () => {
  const parameterTags = { team: 'contact-centre', 'cost centre': '4711' };
  const tagsOf = (name: string) => Object.fromEntries(account.aws.ssm.parameters.get(name)?.tags ?? []);
  /** A policy that denies every parameter that is created without its tag. */
  const enforced: PolicyDocument = {
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

  test('both parameters are created with them, also where a policy enforces them, by one call each', async () => {
    const parameters = open({ parameterTags }, [enforced]);
    await parameters.read({ signal: within() });

    const version = await parameters.writeToken({ accessToken: CANARY, signal: within() });
    await parameters.writeStatus({ status: STATUS, signal: within() });

    expect(calls()).toEqual(['GetParameters', 'PutParameter', 'PutParameter']);
    for (const name of [tokenParameter, statusParameter]) expect(tagsOf(name)).toEqual(parameterTags);
    expect(version).toBe(1);
  });

  test('a parameter that somebody else created meanwhile is overwritten', async () => {
    const parameters = open({ parameterTags });
    await parameters.read({ signal: within() });
    await write('other');

    expect(await parameters.writeToken({ accessToken: CANARY, signal: within() })).toBe(2);
  });

  test('parameters that were there get them too, once, beside the tags of others', async () => {
    await write('before');
    await open().writeStatus({ status: STATUS, signal: within() });
    await open({ parameterTags: { owner: 'somebody', team: 'old' } }).tag({ signal: within() });
    const parameters = open({ parameterTags });
    const before = calls().length;

    for (let times = 1; times <= 2; times += 1) await parameters.tag({ signal: within() });

    expect(tagsOf(tokenParameter)).toEqual({ owner: 'somebody', ...parameterTags });
    expect(calls().slice(before)).toEqual(['AddTagsToResource', 'AddTagsToResource']);
  });

  test('a denial says which action, on what; without tags nothing is called', async () => {
    await write(CANARY);

    const error = await failure(open({ parameterTags }, []).tag({ signal: within() }));

    expect(error.message).toContain(`ssm:AddTagsToResource on ${tokenParameter} failed: AccessDenied`);
    const before = calls().length;
    await open({}, []).tag({ signal: within() });
    expect(calls()).toHaveLength(before);
  });
});
