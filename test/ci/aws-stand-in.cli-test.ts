import { findAwsClis } from './support/aws-cli.ts';
import { accountContent, installStandIn, type StandIn } from './support/aws-stand-in.ts';
import { HOSTILE_VALUES } from './support/hostile-values.ts';
import { run } from './support/process.ts';
import { EVERY_PERMISSION, openReader, type Reader } from './support/reader.ts';

const TOKEN = '/ci/genesys/access-token';
const STATUS = '/ci/genesys/token-status';
const first = `Parameters[?Name=='${TOKEN}'].Version|[0],Parameters[?Name=='${STATUS}'].Value|[0]`;
const value = `Parameters[?Name=='${TOKEN}'].Value|[0]`;
/** The calls of access-token, as it makes them: /dev/stdout is a pipe there, and a socket below Node. */
const CALLS = {
  read: `aws ssm get-parameters --names ${TOKEN} ${STATUS} --with-decryption --query "[${first},${value}]" --output json`,
  status: `aws ssm get-parameters --names ${TOKEN} ${STATUS} --no-with-decryption --query "[${first}]" --output json`,
  decrypt: `aws ssm get-parameters --names ${TOKEN} --with-decryption --query 'Parameters[].Version' --output json`,
  identity: 'aws sts get-caller-identity --query Arn --output json',
  invoke:
    'answer=$(printf "{}" | aws lambda invoke --function-name f --payload fileb:///dev/stdin --query FunctionError /dev/stdout --output json) && echo "$answer"',
};

/** Every hostile value that JSON's encoder has something to do for, in one text. */
const hostile = Object.values(HOSTILE_VALUES).join(' ').slice(0, 3500);

describe.each(findAwsClis())('the stand-in prints what the AWS CLI $version prints', (cli) => {
  let reader: Reader;
  let standIn: StandIn;

  beforeEach(async () => {
    reader = await openReader(cli);
    standIn = installStandIn();
  });
  afterEach(async () => {
    standIn.remove();
    await reader.close();
  });

  async function results(call: keyof typeof CALLS, policies = [EVERY_PERMISSION]) {
    const env: Record<string, string> = reader.environment(policies);
    const options = { cwd: reader.home, env };
    const real = await run(['sh', '-c', CALLS[call]], options);
    const PATH = `${standIn.directory}:${env.PATH}`;
    return { real, stoodIn: () => run(['sh', '-c', CALLS[call]], { ...options, env: { ...env, PATH } }) };
  }

  test.each([
    ['plain', 'plain', '{"schemaVersion":1}', { satisfied: true }, undefined],
    [
      'hostile',
      '"\\ [2J',
      `${hostile}\u001b\u0001\u007f\u0085\u202e\n\t\\"`,
      { errorType: 'X', errorMessage: 'a "quoted" \u001b\u202e\n\\ text' },
      'Unhandled',
    ],
  ] as const)('for %s content', async (_name, token, status, answer, functionError) => {
    const version = reader.storeToken(token);
    reader.storeStatus(status);
    reader.refresher(
      () => (functionError === undefined ? { payload: answer } : { failure: answer as never }),
      'f',
    );
    const payload = JSON.stringify(answer);
    standIn.serve(
      accountContent({ token, version, status, payload, ...(functionError && { functionError }) }),
    );

    for (const call of Object.keys(CALLS) as (keyof typeof CALLS)[]) {
      const { real, stoodIn } = await results(call);
      expect({ call, ...(await stoodIn()) }).toEqual({ call, ...real });
      expect(real.status).toBe(0);
    }
  });

  test.each([
    ['invoke', [EVERY_PERMISSION]],
    ['read', []],
  ] as const)('for an error of %s', async (call, policies) => {
    const { real, stoodIn } = await results(call, [...policies]);
    const [, code = '', message = ''] =
      /\((\w+)\) when calling the \w+ operation: (.*)\n$/.exec(real.stderr) ?? [];
    standIn.serve(accountContent({ [`${call}Error`]: { code, message } }));

    expect(code).toMatch(/^(ResourceNotFound|AccessDenied)Exception$/);
    const { status, ...stood } = await stoodIn();
    expect({ ...stood, failed: status !== 0 }).toMatchObject({
      stdout: '',
      stderr: real.stderr,
      failed: true,
    });
    expect(real).toMatchObject({ stdout: '', status: expect.any(Number) });
    expect(real.status).not.toBe(0);
  });
});
