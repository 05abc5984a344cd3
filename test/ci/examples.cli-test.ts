import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { administratorPolicy } from '../../local/aws/iam.ts';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import type { Assembly } from '../../local/cloud-assembly.ts';
import { LOCAL_PLACE, policiesOfRole } from '../../local/synthesized-function.ts';
import { type AwsCli, findAwsClis, installAwsCommand, installCommand } from './support/aws-cli.ts';
import { FOREIGN_ROLE_ARN, READER_ROLE_ARN } from './support/ci-systems.ts';
import { openPipeline, type Pipeline } from './support/pipeline.ts';
import { type Ended, filesContaining, run } from './support/process.ts';
import {
  azureSteps,
  bitbucketStep,
  codeBuildStep,
  gitHubSteps,
  gitLabStep,
  jenkinsSteps,
  type Step,
} from './support/steps.ts';

const EXAMPLES = 'ci/examples';
const QUEUES = [1, 2, 3].map((page) => `/api/v2/routing/queues?pageNumber=${page}`);

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await openPipeline(findAwsClis().at(-1) as AwsCli);
});
beforeEach(async () => {
  await pipeline.startAfresh();
  // Twenty minutes are left: too little for --min-ttl 45m.
  pipeline.ageToken(40);
});
afterAll(() => pipeline.close());

/** Runs a step with its CI system's environment; its log is stdout and stderr together. */
async function runStep(step: Step, agent: Record<string, string>, policies?: readonly PolicyDocument[]) {
  const job = pipeline.environment(policies);
  const { PATH = '', HOME = '' } = job;
  const parameters: Record<string, string> = {};
  for (const [variable, name] of Object.entries(step.parameters)) {
    const query = ['--names', name, '--with-decryption', '--query', 'Parameters[].Value', '--output', 'text'];
    const { stdout } = await run(['aws', 'ssm', 'get-parameters', ...query], { env: job });
    parameters[variable] = stdout.trimEnd();
  }
  const own = { ...agent, ...step.env, ...parameters, GENESYS_API: pipeline.api.url };
  const ended = await run([...step.shell, '-c', step.script], {
    cwd: join(pipeline.checkout, step.directory),
    env: { PATH, HOME, ...(step.role ? job : {}), ...own },
  });
  return { ...ended, log: ended.stdout + ended.stderr };
}

/** Runs a job's steps, none of which may fail, and returns its log. */
async function runJob(steps: readonly Step[], agent: Record<string, string>): Promise<string> {
  const logs: string[] = [];
  for (const step of steps.filter(({ when }) => when === 'success')) {
    const { status, log } = await runStep(step, agent);
    expect({ step: step.name, status, log: status === 0 ? '' : log }).toMatchObject({ status: 0, log: '' });
    logs.push(log);
  }
  return logs.join('');
}

function runExample(command: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const api = { GENESYS_API: pipeline.api.url, CXONE_API: pipeline.api.url };
  return run(command, { cwd: pipeline.checkout, env: { ...pipeline.environment(), ...api, ...env } });
}

function terraformCalls(): string[] {
  return readFileSync(join(pipeline.checkout, 'terraform.calls'), 'utf8').trimEnd().split('\n');
}

const accepted = (...paths: string[]) => paths.map((path) => ({ path, accepted: true }));

describe('CodeBuild', () => {
  let assembly: Assembly;

  beforeAll(() => {
    const directory = mkdtempSync(join(tmpdir(), 'sample-app-'));
    const env = { ...process.env, CDK_OUTDIR: directory, NODE_OPTIONS: '' };
    expect(spawnSync(process.execPath, [`${EXAMPLES}/codebuild/app.ts`], { env })).toMatchObject({
      status: 0,
    });
    const template = JSON.parse(readFileSync(join(directory, 'CxAsCode.template.json'), 'utf8'));
    assembly = { directory, stackName: 'CxAsCode', template };
  });

  /** The policies of a project's role, as the sample app's template has them. */
  function projectPolicies(project: string): PolicyDocument[] {
    const role = Object.keys(assembly.template.Resources).find(
      (id) => id.startsWith(`${project}Role`) && !id.includes('Policy'),
    );
    return policiesOfRole(assembly, LOCAL_PLACE, `CxAsCode-${role}`);
  }

  test('parameter-store: is resolved with the project role that the sample app synthesizes', async () => {
    const step = codeBuildStep(`${EXAMPLES}/codebuild/buildspec.yml`);

    const job = await runStep(step, {}, projectPolicies('ShortJob'));

    expect(job).toMatchObject({ status: 0, stderr: '' });
    expect(step.parameters).toEqual({ GENESYSCLOUD_ACCESS_TOKEN: '/ci/genesys/access-token' });
    expect(terraformCalls()).toEqual([
      'init -input=false (eu-central-1)',
      'plan -input=false -out=tfplan (eu-central-1)',
      'apply -input=false tfplan (eu-central-1)',
    ]);
    expect(pipeline.api.calls).toEqual(accepted('/api/v2/tokens/me', '/api/v2/tokens/me'));
    expect(job.log).not.toContain(pipeline.token());
  });

  test('the environment of the sample project names the parameter', () => {
    const variables = Object.values(assembly.template.Resources)
      .filter(({ Type }) => Type === 'AWS::CodeBuild::Project')
      .flatMap(({ Properties }) => {
        const environment = Properties?.Environment as { EnvironmentVariables?: unknown[] };
        return environment.EnvironmentVariables ?? [];
      });

    expect(variables).toEqual([
      { Name: 'GENESYSCLOUD_ACCESS_TOKEN', Type: 'PARAMETER_STORE', Value: '/ci/genesys/access-token' },
    ]);
  });

  test('exec inside a phase requests the life that each command needs', async () => {
    const first = pipeline.token();

    const job = await runStep(
      codeBuildStep(`${EXAMPLES}/codebuild/buildspec-long.yml`),
      {},
      projectPolicies('LongJob'),
    );

    expect(job.status).toBe(0);
    expect(job.stderr).toMatch(/token v\d+ .*, 19 min left\n[\s\S]*token v\d+ .*, 59 min left\n/);
    expect(job.stdout).toMatch(/^version +v\d+$/m);
    expect(pipeline.api.calls).toEqual(accepted('/api/v2/tokens/me', '/api/v2/tokens/me'));
    for (const token of [first, pipeline.token()]) expect(job.log).not.toContain(token);
  });

  test('a project that may only read is refused if it requests more life', async () => {
    const job = await runStep(
      codeBuildStep(`${EXAMPLES}/codebuild/buildspec-long.yml`),
      {},
      projectPolicies('ShortJob'),
    );

    expect(job.status).toBe(5);
    expect(job.stderr).toContain('AWS refused lambda:InvokeFunction');
    expect(terraformCalls()).toHaveLength(2);
  });
});

describe('Jenkins', () => {
  test('the Jenkinsfile runs under sh -xe and its log holds no token; doctor follows a failed job', async () => {
    installCommand(pipeline.commands, 'python3', `exec ${pythonWithSdk()} "$@"`);
    const steps = jenkinsSteps(`${EXAMPLES}/jenkins/Jenkinsfile`);

    const log = await runJob(steps, { JENKINS_URL: 'https://jenkins.example/', BUILD_NUMBER: '1' });
    const doctor = await runStep(steps.at(-1) as Step, {});

    expect(steps.map(({ name, when, directory }) => [name, when, directory])).toEqual([
      ['CX as Code', 'success', 'ci/examples/cx-as-code'],
      ['CX as Code', 'success', 'ci/examples/cx-as-code'],
      ['Report', 'success', '.'],
      ['', 'failure', '.'],
    ]);
    expect(log).toContain('+ ../../access-token exec genesys');
    expect(log).toContain('queue-3 Queue 3');
    expect(log).not.toContain(pipeline.token());
    expect(doctor).toMatchObject({ status: 0, stdout: expect.stringMatching(/^job: decrypt token +ok /m) });
  });

  test('with the AWS Parameter Store plugin', async () => {
    const steps = jenkinsSteps(`${EXAMPLES}/jenkins/Jenkinsfile.parameter-store`);

    const log = await runJob(steps, { BUILD_NUMBER: '1' });

    expect(steps[0]?.parameters.ACCESS_TOKEN).toBe('/ci/genesys/access-token');
    expect(terraformCalls()).toHaveLength(2);
    expect(log).not.toContain(pipeline.token());
  });
});

test.each([
  [
    'GitHub Actions workflow',
    () => gitHubSteps(`${EXAMPLES}/github-actions/workflow.yml`),
    { GITHUB_ACTIONS: 'true', CI: 'true' },
    '::add-mask::',
    ['/api/v2/tokens/me', ...QUEUES],
  ],
  [
    'Azure pipeline',
    () => azureSteps(`${EXAMPLES}/azure-pipelines/azure-pipelines.yml`),
    { TF_BUILD: 'True', AGENT_NAME: 'agent' },
    '##vso[task.setsecret]',
    ['/api/v2/tokens/me'],
  ],
] as const)(
  'the %s runs, and its log is masked before the token could appear',
  async (_, read, agent, mask, calls) => {
    const steps = read();

    const log = await runJob(steps, agent);

    const visible = log.split('\n').filter((line) => !line.startsWith(mask));
    expect(log).toContain(`${mask}${pipeline.token()}\n`);
    expect(visible.join('\n')).not.toContain(pipeline.token());
    expect(steps.every(({ role }) => role)).toBe(true);
    expect(steps.at(-1)?.when).toBe('failure');
    expect(pipeline.api.calls).toEqual(accepted(...calls));
  },
);

test('the curl loop shows no token under sh -x, and leaves it in no file', async () => {
  const job = await runExample(['sh', '-x', `${EXAMPLES}/curl/export-loop.sh`, 'genesys', '2']);

  expect(job).toMatchObject({ status: 0, stdout: '' });
  expect(job.stderr).not.toContain(pipeline.token());
  expect(filesContaining(pipeline.checkout, pipeline.token())).toEqual([]);
  expect(readFileSync(join(pipeline.checkout, 'queues-2.json'), 'utf8')).toContain('Queue 2');
});

test('the curl loop ends at the first token that cannot be read', async () => {
  const command = ['sh', `${EXAMPLES}/curl/export-loop.sh`, 'genesys', '2'];

  expect(await runExample(command, pipeline.environment([]))).toMatchObject({ status: 5 });
  expect(pipeline.api.calls).toEqual([]);
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

  const job = await runExample([pythonWithSdk(), `${EXAMPLES}/python/list_queues.py`]);

  expect(job).toMatchObject({ status: 0, stdout: 'queue-1 Queue 1\nqueue-2 Queue 2\nqueue-3 Queue 3\n' });
  expect(pipeline.api.calls.map((call) => call.accepted)).toEqual([false, true, true, true]);
});

/** The Python of `.ci/install-shell-tools.sh`, which has the SDK. */
function pythonWithSdk(): string {
  const python = join(process.cwd(), '.venv/shell-tools/bin/python3');
  if (!existsSync(python))
    throw new Error('The Python SDK is missing. Run .ci/install-shell-tools.sh first.');
  return python;
}

describe('a job that takes the reader role', () => {
  /** The AWS CLI itself takes the role: version 2 before 2.13 would ask the real STS. */
  let places: Record<string, string>;

  beforeAll(() => {
    const [cli] = findAwsClis().filter(({ version }) => version === 'v1') as [AwsCli];
    const PATH = `${installAwsCommand(cli, pipeline.aws.url)}:${pipeline.commands}:${process.env.PATH}`;
    const { checkout } = pipeline;
    places = { PATH, HOME: checkout, TMPDIR: checkout, AWS_ENDPOINT_URL: pipeline.aws.url };
  });

  /** A job without credentials, on an agent that sets these variables. */
  async function runWithoutRole(step: Step, agent: Record<string, string>) {
    const cwd = join(pipeline.checkout, step.directory);
    const ended = await run([...step.shell, '-c', step.script], {
      cwd,
      env: { ...step.env, ...agent, ...places },
    });
    return { ...ended, log: ended.stdout + ended.stderr };
  }

  async function runGitLab(claims: { aud?: string; sub?: string }) {
    const step = gitLabStep(`${EXAMPLES}/gitlab/.gitlab-ci.yml`);
    expect(step.env.AWS_WEB_IDENTITY_TOKEN_FILE).toBe('/tmp/aws-id-token');
    return runWithoutRole(step, {
      AWS_ID_TOKEN: await pipeline.ciSystems.idToken('gitLab', claims),
      AWS_WEB_IDENTITY_TOKEN_FILE: join(pipeline.checkout, 'aws-id-token'),
    });
  }

  async function runBitbucket(sub: string) {
    const step = bitbucketStep(`${EXAMPLES}/bitbucket/bitbucket-pipelines.yml`);
    expect(step.role).toBe(true);
    const token = await pipeline.ciSystems.idToken('bitbucket', { sub });
    return runWithoutRole(step, { BITBUCKET_STEP_OIDC_TOKEN: token });
  }

  const REPOSITORY = '{9a8b7c6d-1234-4abc-8def-0123456789ab}';
  const [STEP, DEPLOYMENT] = [1, 2].map((digit) => `{${`${digit}`.repeat(8)}-2222-4333-8444-555555555555}`);

  test.each([
    ['GitLab', () => runGitLab({})],
    ['Bitbucket, a step', () => runBitbucket(`${REPOSITORY}:${STEP}`)],
    ['Bitbucket, a deployment', () => runBitbucket(`${REPOSITORY}:${DEPLOYMENT}:${STEP}`)],
  ])('takes it by OIDC, and its log and files hold no token: %s', async (_, start) => {
    const job = await start();

    expect(job).toMatchObject({ status: 0 });
    expect(job.stderr).toMatch(/token v\d+ .*, 59 min left/);
    expect(terraformCalls()).toHaveLength(2);
    expect(job.log).not.toContain(pipeline.token());
    expect(filesContaining(pipeline.checkout, pipeline.token())).toEqual([]);
  });

  test.each([
    ['another branch', () => runGitLab({ sub: 'project_path:octo/ivr:ref_type:branch:ref:evil' })],
    ['another group', () => runGitLab({ sub: 'project_path:octo-evil/ivr:ref_type:branch:ref:main' })],
    ['another audience', () => runGitLab({ aud: 'https://vault.example.com' })],
    ['another repository', () => runBitbucket(`{00000000-1234-4abc-8def-0123456789ab}:${STEP}`)],
  ])('gets no token: %s', async (_, start) => {
    const job = await start();

    expect(job.status).not.toBe(0);
    expect(job.stderr).toMatch(
      /Not authorized to perform sts:AssumeRoleWithWebIdentity|Incorrect token audience/,
    );
    expect(terraformCalls()).toEqual(['init -input=false (eu-central-1)']);
  });

  /** A job whose role is of another account, with the profile of docs/readers.md. */
  function runForeign(roleArn: string, settings = ''): Promise<Ended> {
    const [, , , , account, role = ''] = roleArn.split(':');
    const credentials = pipeline.aws.iam.register({
      arn: `arn:aws:sts::${account}:assumed-${role}/build`,
      policies: [administratorPolicy],
    });
    mkdirSync(join(pipeline.checkout, '.aws'), { recursive: true });
    writeFileSync(
      join(pipeline.checkout, '.aws/config'),
      `[profile genesys-token]\nrole_arn = ${READER_ROLE_ARN}\ncredential_source = Environment\nregion = eu-central-1\n${settings}`,
    );
    return run(['ci/access-token', 'get', 'genesys', '--profile', 'genesys-token', '--min-ttl', '45m'], {
      cwd: pipeline.checkout,
      env: {
        ...places,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_SESSION_TOKEN: credentials.sessionToken,
      },
    });
  }

  test('the role of another account that is named reads and refreshes by a profile', async () => {
    const job = await runForeign(FOREIGN_ROLE_ARN);

    expect(job).toMatchObject({ status: 0, stdout: `${pipeline.token()}\n` });
    expect(job.stderr).toMatch(/, 59 min left/);
  });

  const NOT_AUTHORIZED = 'is not authorized to perform: sts:AssumeRole';

  test.each([
    ['arn:aws:iam::444455556666:role/admin', '', NOT_AUTHORIZED],
    ['arn:aws:iam::777788889999:role/deploy', '', NOT_AUTHORIZED],
    [
      FOREIGN_ROLE_ARN,
      'duration_seconds = 7200\n',
      '1 hour session limit for roles assumed by role chaining',
    ],
  ])('AWS refuses %s with settings %j', async (roleArn, settings, message) => {
    const job = await runForeign(roleArn, settings);

    expect(job).toMatchObject({ status: 5, stdout: '' });
    expect(job.stderr).toContain(message);
  });
});
