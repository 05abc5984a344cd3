import { findAwsClis } from './support/aws-cli.ts';
import { accountContent, installStandIn } from './support/aws-stand-in.ts';
import { HOSTILE_VALUES } from './support/hostile-values.ts';
import { run } from './support/process.ts';
import { EVERY_PERMISSION, openReader } from './support/reader.ts';

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
const status = `${Object.values(HOSTILE_VALUES).join(' ').slice(0, 3500)}\u001b\u0001\u007f\u0085\u202e\n\t\\"`;
const token = '"\\ [2J';
const error = { errorType: 'X', errorMessage: 'a "quoted" \u001b\u202e\n\\ text' };

test.each(findAwsClis())('the stand-in prints what the AWS CLI $version prints', async (cli) => {
  const reader = await openReader(cli);
  const standIn = installStandIn();
  const callAll = async (env: Record<string, string>, directories = '') => {
    const options = { cwd: reader.home, env: { ...env, PATH: directories + env.PATH } };
    const ended: [string, string, string][] = [];
    for (const [call, line] of Object.entries(CALLS)) {
      const { stdout, stderr } = await run(['sh', '-c', line], options);
      ended.push([call, stdout, stderr]);
    }
    return ended;
  };
  const version = reader.storeToken(token);
  reader.storeStatus(status);
  reader.refresher(() => ({ failure: error as never }), 'f');
  const content = {
    token,
    version,
    status,
    payload: JSON.stringify(error),
    functionError: 'Unhandled',
  } as const;
  const [allowed, denied] = [reader.environment([EVERY_PERMISSION]), reader.environment([])];
  const here = `${standIn.directory}:`;

  const printed = await callAll(allowed);
  const refused = await callAll(denied);
  standIn.serve(accountContent(content));
  const stoodIn = await callAll(allowed, here);
  const errorOf = (name: string) => {
    const [, , stderr = ''] = refused.find(([call]) => call === name) ?? [];
    const [, code = '', message = ''] =
      /\((\w+)\) when calling the \w+ operation: (.*)\n$/.exec(stderr) ?? [];
    return { code, message };
  };
  standIn.serve(accountContent({ ...content, readError: errorOf('read'), invokeError: errorOf('invoke') }));
  const stoodInRefused = await callAll(denied, here);
  standIn.remove();
  await reader.close();

  expect(stoodIn).toEqual(printed);
  expect(errorOf('read').code).toBe('AccessDeniedException');
  for (const call of [0, 4]) expect(stoodInRefused[call]).toEqual(refused[call]);
});
