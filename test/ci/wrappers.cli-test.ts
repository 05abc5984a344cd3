import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { openPipeline, type Pipeline } from './support/pipeline.ts';
import { run } from './support/process.ts';
import { stepsOf } from './support/steps.ts';

const ACTION = 'ci/github-action/action.yml';
const GITLAB = 'ci/gitlab/access-token.yml';
const AZURE = 'ci/azure-pipelines/access-token.yml';
const JENKINS = 'ci/jenkins/vars/withAccessToken.groovy';

let pipeline: Pipeline;
let files: string;

beforeAll(async () => {
  pipeline = await openPipeline(findAwsClis()[0] as AwsCli);
});
beforeEach(async () => {
  await pipeline.startAfresh();
  // Twenty minutes are left: too little for 45.
  pipeline.ageToken(40);
  files = mkdtempSync(join(tmpdir(), 'wrapper-'));
});
afterAll(() => pipeline.close());

/** Runs the only step of a file whose expressions have these values, with what the agent sets. */
async function runWrapper(file: string, shell: string, values: object, agent: Record<string, string>) {
  const [step] = stepsOf(file);
  const given = (text: string) =>
    text.replace(/\$\{\{ *\w+\.([\w-]+) *\}\}/g, (_all, key) => Object(values)[key] ?? '');
  const env = Object.fromEntries(Object.entries(step?.env ?? {}).map(([name, text]) => [name, given(text)]));
  return run([...shell.split(' '), '-c', step?.script ?? ''], {
    cwd: pipeline.checkout,
    env: { ...pipeline.environment(), ...agent, ...env },
  });
}

const github = (inputs: object) =>
  runWrapper(
    ACTION,
    'sh -e',
    { prefix: '/ci', ...inputs },
    {
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTION_PATH: join(pipeline.checkout, 'ci/github-action'),
      GITHUB_OUTPUT: join(files, 'output'),
      GITHUB_ENV: join(files, 'env'),
    },
  );
const written = (name: string) => readFileSync(join(files, name), 'utf8');
const script = () => ({
  url: `file://${join(pipeline.checkout, 'ci/access-token')}`,
  sha256: createHash('sha256').update(readFileSync('ci/access-token')).digest('hex'),
});

test('the GitHub action masks the token first, and puts it into the environment only where it is asked to', async () => {
  const plain = await github({ name: 'genesys', 'min-ttl': '45m' });
  const output = written('output');
  const inEnvironment = await github({
    name: 'genesys',
    env: 'GENESYSCLOUD_ACCESS_TOKEN',
    region: 'eu-central-1',
  });

  expect([plain.status, inEnvironment.status]).toEqual([0, 0]);
  expect(plain.stderr).toMatch(/^::add-mask::.*\n[\s\S]*, 59 min left\n/);
  expect(output).toBe(`token=${pipeline.token()}\n`);
  expect(plain.stdout).toBe('');
  expect(written('env')).toBe(`GENESYSCLOUD_ACCESS_TOKEN=${pipeline.token()}\n`);
  expect(inEnvironment.stdout).toMatch(/^::notice::.*expires/);
});

test.each([
  [{ name: 'genesys', env: 'X=1\nPATH' }, 2],
  [{ name: '$(touch hacked)' }, 2],
  [{ name: 'genesys', 'min-ttl': '1s --no-mask' }, 2],
  [{ name: 'genesys', prefix: '/ci; touch hacked' }, 2],
  [{ name: 'cxone' }, 5],
])('the GitHub action with %j ends with %d, and writes nothing', async (inputs, status) => {
  const ended = await github(inputs);

  expect(ended.status).toBe(status);
  expect(() => written('output')).toThrow('ENOENT');
  expect(() => readFileSync(join(pipeline.checkout, 'hacked'))).toThrow('ENOENT');
});

test('a job of the GitLab template has the script of this checksum in its PATH', async () => {
  const { url, sha256 } = script();
  const job = {
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_SESSION_TOKEN: '',
    AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/TokenRefresher-ReaderRole',
    AWS_ID_TOKEN: await pipeline.idToken('gitLab'),
    TMPDIR: files,
    ACCESS_TOKEN_URL: url,
  };
  const [step] = stepsOf(GITLAB);
  const then = '\naccess-token exec genesys --min-ttl 45m -- sh -c \'test -n "$ACCESS_TOKEN"\'';
  const start = (checksum: string) =>
    run(['bash', '-eo', 'pipefail', '-c', `${step?.script}${then}`], {
      cwd: pipeline.checkout,
      env: { ...pipeline.environment(), ...job, ACCESS_TOKEN_SHA256: checksum },
    });

  const good = await start(sha256);
  const other = await start('0'.repeat(64));

  expect(good).toMatchObject({ status: 0, stderr: expect.stringMatching(/, 59 min left/) });
  expect(good.stdout + good.stderr).not.toContain(pipeline.token());
  // Directories of their own, which no other user of the runner can enter.
  const modes = readdirSync(files).map((name) => statSync(join(files, name)).mode & 0o777);
  expect(modes).toEqual([0o700, 0o700]);
  expect(other.status).not.toBe(0);
  expect(other.stderr).not.toContain('min left');
});

test('the Azure template makes a secret variable, of the script of this checksum', async () => {
  const values = { name: 'genesys', minTtl: '45m', prefix: '/ci', variable: 'CX_TOKEN', ...script() };
  const agent = { TF_BUILD: 'True' };

  const good = await runWrapper(AZURE, 'bash', values, agent);
  const other = await runWrapper(AZURE, 'bash', { ...values, sha256: '0'.repeat(64) }, agent);
  const hostile = await runWrapper(AZURE, 'bash', { ...values, variable: 'X]y' }, agent);

  expect(good.status).toBe(0);
  expect(good.stderr).toMatch(/^##vso\[task\.setsecret\]/);
  expect(good.stdout).toContain(
    `##vso[task.setvariable variable=CX_TOKEN;issecret=true]${pipeline.token()}\n`,
  );
  expect([other.status, hostile.status]).toEqual([1, 2]);
});

test('the Jenkins step reads the token without showing it', async () => {
  const text = readFileSync(JENKINS, 'utf8');
  const [, shell = ''] = /script: '''([\s\S]*?)'''/.exec(text) ?? [];
  const env = {
    ACCESS_TOKEN_SCRIPT: 'ci/access-token',
    ACCESS_TOKEN_NAME: 'genesys',
    ACCESS_TOKEN_MIN_TTL: '45m',
    ACCESS_TOKEN_PREFIX: '/ci',
  };

  const ended = await run(['sh', '-xe', '-c', shell], {
    cwd: pipeline.checkout,
    env: { ...pipeline.environment(), ...env },
  });

  expect(ended).toMatchObject({ status: 0, stdout: `${pipeline.token()}\n` });
  expect(ended.stderr).not.toContain(pipeline.token());
  // The shell gets every value by its environment: Groovy puts none into its text.
  expect(Object.keys(env).every((name) => text.includes(`"${name}=$`))).toBe(true);
  expect(shell).not.toMatch(/\$\{/);
});
