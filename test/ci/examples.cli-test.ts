import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { administratorPolicy } from '../../local/aws/iam.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import type { Assembly } from '../../local/cloud-assembly.ts';
import { policiesOfRole } from '../../local/synthesized-function.ts';
import { type AwsCli, findAwsClis, installCommand } from './support/aws-cli.ts';
import { FOREIGN_ROLE_ARN, openPipeline, type Pipeline, READER_ROLE_ARN } from './support/pipeline.ts';
import { type Ended, filesContaining, run } from './support/process.ts';
import { type Step, stepsOf } from './support/steps.ts';

const EXAMPLES = 'ci/examples';
const NO_CREDENTIALS = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_SESSION_TOKEN: '' };

let pipeline: Pipeline;
/** The sample app of CodeBuild, synthesized. */
let sample: Assembly;

beforeAll(async () => {
  // Version 2 before 2.13 would take roles from the real STS.
  pipeline = await openPipeline(findAwsClis()[0] as AwsCli);
  installCommand(pipeline.commands, 'python3', `exec ${pythonWithSdk()} "$@"`);
  const directory = mkdtempSync(join(tmpdir(), 'sample-app-'));
  const env = { ...process.env, CDK_OUTDIR: directory, NODE_OPTIONS: '' };
  expect(spawnSync(process.execPath, [`${EXAMPLES}/codebuild/app.ts`], { env })).toMatchObject({ status: 0 });
  const template = JSON.parse(readFileSync(join(directory, 'CxAsCode.template.json'), 'utf8'));
  sample = { directory, stackName: 'CxAsCode', template };
});
beforeEach(async () => {
  await pipeline.startAfresh();
  // Twenty minutes are left: too little for --min-ttl 45m.
  pipeline.ageToken(40);
});
afterAll(() => pipeline.close());

/** The Python of `.ci/install-shell-tools.sh`, which has the SDK. */
function pythonWithSdk(): string {
  const python = join(process.cwd(), '.venv/shell-tools/bin/python3');
  if (!existsSync(python))
    throw new Error('The Python SDK is missing. Run .ci/install-shell-tools.sh first.');
  return python;
}

/** The policies of a project's role, as the sample app's template has them. */
function projectPolicies(project: string): PolicyDocument[] {
  const role = Object.keys(sample.template.Resources).find(
    (id) => id.startsWith(`${project}Role`) && !id.includes('Policy'),
  );
  return policiesOfRole(sample, `CxAsCode-${role}`);
}

/** Runs a step in an environment; its log is stdout and stderr together. */
async function runStep(step: Step, shell: string, job: Record<string, string>) {
  const parameters: Record<string, string> = {};
  for (const [variable, name] of Object.entries(step.parameters)) {
    const query = ['--names', name, '--with-decryption', '--query', 'Parameters[].Value', '--output', 'text'];
    const { stdout } = await run(['aws', 'ssm', 'get-parameters', ...query], { env: job });
    parameters[variable] = stdout.trimEnd();
  }
  const ended = await run([...shell.split(' '), '-c', step.script], {
    cwd: join(pipeline.checkout, step.directory),
    env: { ...step.env, ...job, ...parameters, GENESYS_API: pipeline.api.url },
  });
  return { ...ended, log: ended.stdout + ended.stderr };
}

function terraformCalls(): string[] {
  return readFileSync(join(pipeline.checkout, 'terraform.calls'), 'utf8').trimEnd().split('\n');
}

const accepted = (...paths: string[]) => paths.map((path) => ({ path, accepted: true }));
const TERRAFORM = ['/api/v2/tokens/me'];
const QUEUES = [1, 2, 3].map((page) => `/api/v2/routing/queues?pageNumber=${page}`);

/** An example, how its CI system runs it, and what comes of it. */
interface Example {
  readonly file: string;
  readonly shell: string;
  /** What the agent sets. */
  readonly agent?: () => Record<string, string> | Promise<Record<string, string>>;
  readonly policies?: () => PolicyDocument[];
  /** What the file says about the role and about a failed job. */
  readonly says?: readonly string[];
  readonly calls: readonly string[];
  readonly log?: RegExp;
  /** How the lines begin that tell the CI system to mask the token. */
  readonly mask?: string;
}

const ON_FAILURE = 'access-token doctor genesys';
const WEB_IDENTITY = async (variable: string, system: Parameters<Pipeline['idToken']>[0]) => ({
  ...NO_CREDENTIALS,
  [variable]: await pipeline.idToken(system),
});

test.each<Example>([
  {
    file: 'codebuild/buildspec.yml',
    shell: 'sh -e',
    policies: () => projectPolicies('ShortJob'),
    calls: [...TERRAFORM, ...TERRAFORM],
    log: /^terraform plan\nterraform apply\n$/,
  },
  {
    file: 'codebuild/buildspec-long.yml',
    shell: 'sh -e',
    policies: () => projectPolicies('LongJob'),
    calls: [...TERRAFORM, ...TERRAFORM],
    log: /^version +v\d+$[\s\S]*token v\d+ .*, 19 min left\n[\s\S]*token v\d+ .*, 59 min left\n/m,
  },
  {
    file: 'jenkins/Jenkinsfile',
    shell: 'sh -xe',
    says: ['post {', ON_FAILURE],
    calls: [...TERRAFORM, ...QUEUES],
    log: /\+ \.\.\/\.\.\/access-token exec genesys[\s\S]*queue-3 Queue 3/,
  },
  { file: 'jenkins/Jenkinsfile.parameter-store', shell: 'sh -xe', calls: TERRAFORM },
  {
    file: 'github-actions/workflow.yml',
    shell: 'bash -e',
    agent: () => ({ GITHUB_ACTIONS: 'true', CI: 'true' }),
    says: ['aws-actions/configure-aws-credentials@', 'if: failure()', ON_FAILURE],
    calls: [...TERRAFORM, ...QUEUES],
    mask: '::add-mask::',
  },
  {
    file: 'azure-pipelines/azure-pipelines.yml',
    shell: 'bash',
    agent: () => ({ TF_BUILD: 'True', AGENT_NAME: 'agent' }),
    says: ['awsCredentials: ', 'condition: failed()', ON_FAILURE],
    calls: TERRAFORM,
    mask: '##vso[task.setsecret]',
  },
  {
    file: 'gitlab/.gitlab-ci.yml',
    shell: 'bash -eo pipefail',
    agent: () => WEB_IDENTITY('AWS_ID_TOKEN', 'gitLab'),
    calls: TERRAFORM,
    log: /token v\d+ .*, 59 min left/,
  },
  {
    file: 'bitbucket/bitbucket-pipelines.yml',
    shell: 'bash -e',
    agent: () => WEB_IDENTITY('BITBUCKET_STEP_OIDC_TOKEN', 'bitbucket'),
    says: ['oidc: true'],
    calls: TERRAFORM,
    log: /token v\d+ .*, 59 min left/,
  },
])(
  '$file runs, and no log and no file has the token, but for the mask',
  async ({ file, shell, says = [], mask = 'none', agent, policies, calls, log = /./ }) => {
    const job = { ...pipeline.environment(policies?.()), ...(await agent?.()) };

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
    for (const text of says) expect(readFileSync(join(EXAMPLES, file), 'utf8')).toContain(text);
  },
);

test('a CodeBuild project that may only read is refused if it requests more life', async () => {
  const [step] = stepsOf(`${EXAMPLES}/codebuild/buildspec-long.yml`) as [Step];

  const job = await runStep(step, 'sh -e', pipeline.environment(projectPolicies('ShortJob')));

  expect(job.status).toBe(5);
  expect(job.stderr).toContain('AWS refused lambda:InvokeFunction');
  expect(terraformCalls()).toHaveLength(2);
});

test('the sample project of CodeBuild names the parameter in its environment', () => {
  const projects = Object.values(sample.template.Resources).filter(
    ({ Type }) => Type === 'AWS::CodeBuild::Project',
  );

  const [environment] = projects.map(({ Properties }) => Properties?.Environment);

  expect(environment).toMatchObject({
    EnvironmentVariables: [
      { Name: 'GENESYSCLOUD_ACCESS_TOKEN', Type: 'PARAMETER_STORE', Value: '/ci/genesys/access-token' },
    ],
  });
});

function runExample(command: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const api = { GENESYS_API: pipeline.api.url, CXONE_API: pipeline.api.url };
  return run(command, { cwd: pipeline.checkout, env: { ...pipeline.environment(), ...api, ...env } });
}

test('the curl loop shows no token under sh -x, leaves it in no file, and ends if it cannot be read', async () => {
  const loop = [`${EXAMPLES}/curl/export-loop.sh`, 'genesys', '2'];

  const job = await runExample(['sh', '-x', ...loop]);
  const refused = await runExample(['sh', ...loop], pipeline.environment([]));

  expect(job).toMatchObject({ status: 0, stdout: '' });
  expect(job.stderr).not.toContain(pipeline.token());
  expect(filesContaining(pipeline.checkout, pipeline.token())).toEqual([]);
  expect(readFileSync(join(pipeline.checkout, 'queues-2.json'), 'utf8')).toContain('Queue 2');
  expect(refused.status).toBe(5);
  expect(pipeline.api.calls).toEqual(accepted(...QUEUES.slice(0, 2)));
});

test('the Genesys CLI gets the token in its environment', async () => {
  installCommand(pipeline.commands, 'gc', `printf '%s\\n' "$* \${GENESYSCLOUD_ACCESS_TOKEN:+with a token}"`);

  const job = await runExample([`${EXAMPLES}/genesys-cli/list-queues.sh`, 'genesys']);

  expect(job).toMatchObject({ status: 0, stdout: 'routing queues list --autopaginate with a token\n' });
});

test('the CXone call sends its token in a header', async () => {
  expect((await runExample([`${EXAMPLES}/nice-cxone/list-agents.sh`, 'genesys'])).status).toBe(0);
  expect(pipeline.api.calls).toEqual(accepted('/incontactapi/services/v30.0/agents'));
});

test('the Python SDK gets another token if the API refuses the stored one, and lists every page', async () => {
  pipeline.authorizationServer.revoke(pipeline.token());

  const job = await runExample(['python3', `${EXAMPLES}/python/list_queues.py`]);

  expect(job).toMatchObject({ status: 0, stdout: 'queue-1 Queue 1\nqueue-2 Queue 2\nqueue-3 Queue 3\n' });
  expect(pipeline.api.calls.map((call) => call.accepted)).toEqual([false, true, true, true]);
});

test('a role of another account reads and refreshes by a profile, as docs/readers.md has it', async () => {
  const [, , , , account, role = ''] = FOREIGN_ROLE_ARN.split(':');
  const { accessKeyId, secretAccessKey, sessionToken } = pipeline.aws.iam.register({
    arn: `arn:aws:sts::${account}:assumed-${role}/build`,
    policies: [administratorPolicy],
  });
  mkdirSync(join(pipeline.checkout, '.aws'), { recursive: true });
  writeFileSync(
    join(pipeline.checkout, '.aws/config'),
    `[profile genesys-token]\nrole_arn = ${READER_ROLE_ARN}\ncredential_source = Environment\nregion = eu-central-1\n`,
  );

  const job = await runExample(
    ['ci/access-token', 'get', 'genesys', '--profile', 'genesys-token', '--min-ttl', '45m'],
    {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    },
  );

  expect(job).toMatchObject({ status: 0, stdout: `${pipeline.token()}\n` });
  expect(job.stderr).toMatch(/, 59 min left/);
});
