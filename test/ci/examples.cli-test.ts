import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Assembly } from '../../local/cloud-assembly.ts';
import { policiesOfRole } from '../../local/synthesized-function.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { type AwsCli, findAwsClis, installCommand } from './support/aws-cli.ts';
import { openPipeline, type Pipeline, READER_ROLE_ARN } from './support/pipeline.ts';
import { filesContaining, run } from './support/process.ts';
import { type Step, stepsOf } from './support/steps.ts';

const EXAMPLES = 'ci/examples';
const NO_CREDENTIALS = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_SESSION_TOKEN: '' };
const LIFE_MINUTES = 20;

let pipeline: Pipeline;
/** The sample app of CodeBuild, synthesized. */
let sample: Assembly;
/** Files of the agent, beside the checkout. */
let files: string;

beforeAll(async () => {
  // Version 2 before 2.13 would take roles from the real STS.
  pipeline = await openPipeline(findAwsClis()[0] as AwsCli);
  const python = resolve('.venv/shell-tools/bin/python3');
  if (!existsSync(python))
    throw new Error('The Python SDK is missing. Run .ci/install-shell-tools.sh first.');
  installCommand(pipeline.commands, 'python3', `exec ${python} "$@"`);
  const directory = temporaryDirectory();
  const env = { ...process.env, CDK_OUTDIR: directory, NODE_OPTIONS: '' };
  expect(spawnSync(process.execPath, [`${EXAMPLES}/codebuild/app.ts`], { env })).toMatchObject({ status: 0 });
  const template = JSON.parse(readFileSync(join(directory, 'CxAsCode.template.json'), 'utf8'));
  sample = { directory, stackName: 'CxAsCode', template };
});
beforeEach(async () => {
  await pipeline.startAfresh();
  // Too little for --min-ttl 45m.
  pipeline.ageToken(60 - LIFE_MINUTES);
  files = temporaryDirectory();
});
afterAll(() => pipeline.close());

function runHere(command: readonly string[], env: Readonly<Record<string, string>> = {}, directory = '.') {
  const api = { GENESYS_API: pipeline.api.url, CXONE_API: pipeline.api.url };
  return run(command, {
    cwd: join(pipeline.checkout, directory),
    env: { ...pipeline.environment(), ...env, ...api },
  });
}

/** Runs a step in an environment; its log is stdout and stderr together. */
async function runStep(step: Step, shell: string, job: Record<string, string>) {
  const parameters: Record<string, string> = {};
  for (const [variable, name] of Object.entries(step.parameters)) {
    const query = ['--names', name, '--with-decryption', '--query', 'Parameters[].Value', '--output', 'text'];
    parameters[variable] = (await runHere(['aws', 'ssm', 'get-parameters', ...query], job)).stdout.trimEnd();
  }
  const command = [...shell.split(' '), '-c', step.script];
  const ended = await runHere(command, { ...step.env, ...job, ...parameters }, step.directory);
  return { ...ended, log: ended.stdout + ended.stderr };
}

const terraformCalls = () => readFileSync(join(pipeline.checkout, 'terraform.calls'), 'utf8').split('\n');
const accepted = (...paths: string[]) => paths.map((path) => ({ path, accepted: true }));
const TERRAFORM = ['/api/v2/tokens/me'];
const QUEUES = [1, 2, 3].map((page) => `/api/v2/routing/queues?pageNumber=${page}`);
const APPLY = [...TERRAFORM, ...TERRAFORM];
const PLAN_AND_LIST = [...TERRAFORM, ...QUEUES];

/** A job of a project of the sample app: its role's policies are those of the template. */
const project = (name: string) => () => {
  const ids = Object.keys(sample.template.Resources);
  const role = ids.find((id) => id.startsWith(`${name}Role`) && !id.includes('Policy'));
  return pipeline.environment(policiesOfRole(sample, `CxAsCode-${role}`));
};
const webIdentity = (variable: string, system: Parameters<Pipeline['idToken']>[0]) => async () => ({
  ...NO_CREDENTIALS,
  [variable]: await pipeline.idToken(system),
});
const NEW_TOKEN = /token v\d+ .*, 59 min left/;
const OLD_AND_NEW = /^version +v\d+$[\s\S]*token v\d+ .*, 19 min left\n[\s\S]*token v\d+ .*, 59 min left\n/m;
/** How the lines begin that tell a CI system to mask the token, by what its agent sets. */
const MASKS: [string, string][] = [
  ['GITHUB_ACTIONS', '::add-mask::'],
  ['TF_BUILD', '##vso[task.setsecret]'],
];

/** An example, how its CI system runs it, the calls and the log that come of it, and what the agent sets. */
type Example = [string, string, string[], RegExp, (() => object | Promise<object>)?];

test.each<Example>([
  ['codebuild/buildspec.yml', 'sh -e', APPLY, /^terraform plan\nterraform apply\n$/, project('ShortJob')],
  ['codebuild/buildspec-long.yml', 'sh -e', APPLY, OLD_AND_NEW, project('LongJob')],
  [
    'jenkins/Jenkinsfile',
    'sh -xe',
    PLAN_AND_LIST,
    /\+ \.\.\/\.\.\/access-token exec genesys[\s\S]*queue-3 Queue 3/,
  ],
  ['jenkins/Jenkinsfile.parameter-store', 'sh -xe', TERRAFORM, /./],
  ['github-actions/workflow.yml', 'bash -e', PLAN_AND_LIST, NEW_TOKEN, () => ({ GITHUB_ACTIONS: 'true' })],
  ['azure-pipelines/azure-pipelines.yml', 'bash', TERRAFORM, NEW_TOKEN, () => ({ TF_BUILD: 'True' })],
  ['gitlab/.gitlab-ci.yml', 'bash -eo pipefail', TERRAFORM, NEW_TOKEN, webIdentity('AWS_ID_TOKEN', 'gitLab')],
  [
    'bitbucket/bitbucket-pipelines.yml',
    'bash -e',
    TERRAFORM,
    NEW_TOKEN,
    webIdentity('BITBUCKET_STEP_OIDC_TOKEN', 'bitbucket'),
  ],
])(
  '%s runs under %s, and no log and no file has the token, but for the mask',
  async (file, shell, calls, log, agent) => {
    const job: Record<string, string> = { ...pipeline.environment(), ...(await agent?.()) };
    const [, mask = 'none'] = MASKS.find(([name]) => name in job) ?? [];

    const ended: Awaited<ReturnType<typeof runStep>>[] = [];
    for (const step of stepsOf(join(EXAMPLES, file))) ended.push(await runStep(step, shell, job));

    expect(ended.filter(({ status }) => status !== 0)).toEqual([]);
    const sent = pipeline.api.calls.map((call) => ({
      ...call,
      path: call.path.replace('&pageSize=100', ''),
    }));
    expect(sent).toEqual(accepted(...calls));
    expect(terraformCalls()[0]).toBe('init -input=false (eu-central-1)');
    const lines = ended.flatMap((step) => step.log.split('\n'));
    expect(lines.join('\n')).toMatch(log);
    expect(lines.includes(mask + pipeline.token())).toBe(mask !== 'none');
    expect(lines.filter((line) => !line.startsWith(mask)).join('\n')).not.toContain(pipeline.token());
    expect(filesContaining(pipeline.checkout, pipeline.token())).toEqual([]);
  },
);

test.each([
  ['jenkins/Jenkinsfile', 'post {', 'access-token doctor genesys'],
  ['github-actions/workflow.yml', 'if: failure()', 'access-token doctor genesys'],
  ['github-actions/workflow.yml', 'aws-actions/configure-aws-credentials@'],
  ['azure-pipelines/azure-pipelines.yml', 'condition: failed()', 'access-token doctor genesys'],
  ['azure-pipelines/azure-pipelines.yml', 'awsCredentials: '],
  ['bitbucket/bitbucket-pipelines.yml', 'oidc: true'],
])('%s has %j', (file, ...texts) => {
  for (const text of texts) expect(readFileSync(join(EXAMPLES, file), 'utf8')).toContain(text);
});

test('the curl loop shows no token under sh -x, leaves it in no file, and ends if it cannot be read', async () => {
  const loop = [`${EXAMPLES}/curl/export-loop.sh`, 'genesys', '2'];

  const job = await runHere(['sh', '-x', ...loop]);
  const refused = await runHere(['sh', ...loop], pipeline.environment([]));

  expect(job).toMatchObject({ status: 0, stdout: '' });
  expect(job.stderr).not.toContain(pipeline.token());
  expect(filesContaining(pipeline.checkout, pipeline.token())).toEqual([]);
  expect(readFileSync(join(pipeline.checkout, 'queues-2.json'), 'utf8')).toContain('Queue 2');
  expect(refused.status).toBe(5);
  expect(pipeline.api.calls).toEqual(accepted(...QUEUES.slice(0, 2)));
});

test('the Genesys CLI gets the token in its environment, the CXone call in a header', async () => {
  installCommand(pipeline.commands, 'gc', `printf '%s\\n' "$* \${GENESYSCLOUD_ACCESS_TOKEN:+with a token}"`);

  const genesys = await runHere([`${EXAMPLES}/genesys-cli/list-queues.sh`, 'genesys']);
  const cxone = await runHere([`${EXAMPLES}/nice-cxone/list-agents.sh`, 'genesys']);

  expect(genesys).toMatchObject({ status: 0, stdout: 'routing queues list --autopaginate with a token\n' });
  expect(cxone.status).toBe(0);
  expect(pipeline.api.calls).toEqual(accepted('/incontactapi/services/v30.0/agents'));
});

test('the Python SDK gets another token if the API refuses the stored one, and lists every page', async () => {
  pipeline.authorizationServer.revoke(pipeline.token());

  const job = await runHere(['python3', `${EXAMPLES}/python/list_queues.py`]);

  expect(job).toMatchObject({ status: 0, stdout: 'queue-1 Queue 1\nqueue-2 Queue 2\nqueue-3 Queue 3\n' });
  expect(pipeline.api.calls.map((call) => call.accepted)).toEqual([false, true, true, true]);
});

test('doctor on the synthesized function: every step is good, or whose fault it is', async () => {
  const good = await runHere(['ci/access-token', 'doctor', 'genesys']);
  pipeline.authorizationServer.replaceClientSecret(pipeline.clientId, 'changed-at-the-provider-only');
  const refused = await runHere(['ci/access-token', 'doctor', 'genesys']);

  const results = [...good.stdout.matchAll(/^(\w+): .*? {2,}(\w+)/gm)].map(([, who, result]) => [
    who,
    result,
  ]);
  expect(good.status).toBe(0);
  expect(results.length).toBeGreaterThan(10);
  expect(results.filter(([, result]) => result !== 'ok')).toEqual([]);
  expect(refused).toMatchObject({
    status: 3,
    stdout: expect.stringMatching(/^refresher: token-endpoint +TOKEN_REJECTED +secret /m),
  });
});

/** Runs the only step of a wrapper whose expressions have these values, with what the agent sets. */
function runWrapper(file: string, shell: string, values: object, agent: Record<string, string>) {
  const [step] = stepsOf(file) as [Step];
  const given = (text: string) =>
    text.replace(/\$\{\{ *\w+\.([\w-]+) *\}\}/g, (_all, key) => Object(values)[key] ?? '');
  const env = Object.fromEntries(Object.entries(step.env).map(([name, text]) => [name, given(text)]));
  return runStep({ ...step, env: {} }, shell, { ...pipeline.environment(), ...agent, ...env });
}

const github = (inputs: object) =>
  runWrapper(
    'ci/github-action/action.yml',
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
const OTHER_CHECKSUM = '0'.repeat(64);

test('the GitHub action masks the token first, and puts it into the environment only where it is asked to', async () => {
  const plain = await github({ name: 'genesys', 'min-ttl': '45m' });
  const output = written('output');
  const inEnvironment = await github({ name: 'genesys', env: 'CX_TOKEN', region: 'eu-central-1' });

  expect([plain.status, inEnvironment.status]).toEqual([0, 0]);
  expect(plain.stderr).toMatch(/^::add-mask::.*\n[\s\S]*, 59 min left\n/);
  expect(output).toBe(`token=${pipeline.token()}\n`);
  expect(plain.stdout).toBe('');
  expect(written('env')).toBe(`CX_TOKEN=${pipeline.token()}\n`);
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
  expect(readdirSync(files)).toEqual([]);
  expect(readdirSync(pipeline.checkout)).not.toContain('hacked');
});

test('a job of the GitLab template has the script of this checksum in its PATH', async () => {
  const { url, sha256 } = script();
  const job = {
    ...(await webIdentity('AWS_ID_TOKEN', 'gitLab')()),
    AWS_ROLE_ARN: READER_ROLE_ARN,
    TMPDIR: files,
    ACCESS_TOKEN_URL: url,
  };
  const [step] = stepsOf('ci/gitlab/access-token.yml') as [Step];
  const then = '\naccess-token exec genesys --min-ttl 45m -- sh -c \'test -n "$ACCESS_TOKEN"\'';
  const start = (ACCESS_TOKEN_SHA256: string) =>
    runHere(['bash', '-eo', 'pipefail', '-c', step.script + then], { ...job, ACCESS_TOKEN_SHA256 });

  const good = await start(sha256);
  const other = await start(OTHER_CHECKSUM);

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
  const azure = (more: object) =>
    runWrapper('ci/azure-pipelines/access-token.yml', 'bash', { ...values, ...more }, { TF_BUILD: 'True' });

  const good = await azure({});
  const other = await azure({ sha256: OTHER_CHECKSUM });
  const hostile = await azure({ variable: 'X]y' });

  const variable = `##vso[task.setvariable variable=CX_TOKEN;issecret=true]${pipeline.token()}\n`;
  expect(good).toMatchObject({ status: 0, stdout: expect.stringContaining(variable) });
  expect(good.stderr).toMatch(/^##vso\[task\.setsecret\]/);
  expect([other.status, hostile.status]).toEqual([1, 2]);
});

test('the Jenkins step reads the token without showing it', async () => {
  const text = readFileSync('ci/jenkins/vars/withAccessToken.groovy', 'utf8');
  const [, shell = ''] = /script: '''([\s\S]*?)'''/.exec(text) ?? [];
  const env = {
    ACCESS_TOKEN_SCRIPT: 'ci/access-token',
    ACCESS_TOKEN_NAME: 'genesys',
    ACCESS_TOKEN_MIN_TTL: '45m',
    ACCESS_TOKEN_PREFIX: '/ci',
  };

  const ended = await runHere(['sh', '-xe', '-c', shell], env);

  expect(ended).toMatchObject({ status: 0, stdout: `${pipeline.token()}\n` });
  expect(ended.stderr).not.toContain(pipeline.token());
  // The shell gets every value by its environment: Groovy puts none into its text.
  expect(Object.keys(env).every((name) => text.includes(`"${name}=$`))).toBe(true);
  expect(shell).not.toMatch(/\$\{/);
});
