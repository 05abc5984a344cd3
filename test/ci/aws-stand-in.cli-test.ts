import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAwsClis } from './support/aws-cli.ts';
import { type AccountContent, installStandIn, type StandIn } from './support/aws-stand-in.ts';
import { HOSTILE_VALUES } from './support/hostile-values.ts';
import { run } from './support/process.ts';
import { openReaderHarness, REGION, type ReaderHarness } from './support/reader-harness.ts';

const ALL = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
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
const CONTENTS: readonly AccountContent[] = [
  { token: 'plain', version: 1, status: '{"schemaVersion":1}', payload: '{"satisfied":true}' },
  {
    token: `"\\ ${JSON.parse(HOSTILE_VALUES['raw control characters']?.replace(/[^\x20-\x7e]/g, '') ?? '')}`,
    version: 1,
    status: `${hostile}\u001b\u0001\u007f\u0085\u202e\n\t\\"`,
    payload: JSON.stringify({ errorType: 'X', errorMessage: 'a "quoted" \u001b\u202e\n\\ text' }),
    functionError: 'Unhandled',
  },
];

describe.each(findAwsClis())('the stand-in prints what the AWS CLI $version prints', (cli) => {
  let harness: ReaderHarness;
  let standIn: StandIn;

  beforeEach(async () => {
    harness = await openReaderHarness(cli);
    standIn = installStandIn();
  });
  afterEach(async () => {
    standIn.remove();
    await harness.close();
  });

  test.each([0, 1])('for content %d', async (index) => {
    const content = CONTENTS[index] as AccountContent;
    harness.storeToken(content.token as string);
    harness.storeRawStatus(content.status as string);
    harness.endpoint.registerFunction({
      name: 'f',
      invoke: async () => {
        const payload = JSON.parse(content.payload);
        return content.functionError === undefined ? { payload } : { failure: payload };
      },
    });
    standIn.serve(content);
    const env: Record<string, string> = { ...harness.jobEnvironment([ALL]), AWS_DEFAULT_REGION: REGION };
    const cwd = mkdtempSync(join(tmpdir(), 'stand-in-'));

    for (const [name, call] of Object.entries(CALLS)) {
      const real = await run(['sh', '-c', call], { cwd, env });
      const stood = await run(['sh', '-c', call], {
        cwd,
        env: { ...env, PATH: `${standIn.directory}:${env.PATH}` },
      });
      expect({ name, ...stood }).toEqual({ name, ...real });
      expect(real.status).toBe(0);
    }
    rmSync(cwd, { recursive: true, force: true });
  });

  test.each([
    ['invoke', ALL],
    ['read', { ...ALL, Statement: [] }],
  ] as const)('for an error of %s', async (call, policy) => {
    const env: Record<string, string> = { ...harness.jobEnvironment([policy]), AWS_DEFAULT_REGION: REGION };

    const real = await run(['sh', '-c', CALLS[call]], { env });
    const [, code = '', message = ''] =
      /\((\w+)\) when calling the \w+ operation: (.*)\n$/.exec(real.stderr) ?? [];
    standIn.serve({ ...(CONTENTS[0] as AccountContent), [`${call}Error`]: { code, message } });
    const stood = await run(['sh', '-c', CALLS[call]], {
      env: { ...env, PATH: `${standIn.directory}:${env.PATH}` },
    });

    expect(code).toMatch(/^(ResourceNotFound|AccessDenied)Exception$/);
    expect(stood).toEqual({ ...real, status: stood.status });
    expect([real.status !== 0, stood.status !== 0]).toEqual([true, true]);
  });
});
