import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PolicyDocument } from '../../local/aws/operation.ts';
import type { Assembly } from '../../local/cloud-assembly.ts';
import { LOCAL_PLACE, policiesOfRole } from '../../local/synthesized-function.ts';
import { type AwsCli, findAwsClis, installCommand } from './support/aws-cli.ts';
import { jenkinsSteps } from './support/jenkinsfile.ts';
import { openPipelineHarness, type PipelineHarness } from './support/pipeline-harness.ts';
import { type Ended, filesContaining, run } from './support/process.ts';
import { azureSteps, codeBuildSteps, gitHubSteps, type Step } from './support/steps.ts';

const EXAMPLES = 'ci/examples';

let harness: PipelineHarness;

beforeAll(async () => {
  harness = await openPipelineHarness(findAwsClis().at(-1) as AwsCli);
});
beforeEach(async () => {
  await harness.startAfresh();
  // Twenty minutes are left: too little for --min-ttl 45m.
  harness.ageToken(40);
});
afterAll(() => harness.close());

/** Runs a step with its CI system's environment; its log is stdout and stderr together. */
async function runStep(
  step: Step,
  agent: Record<string, string>,
  policies: readonly PolicyDocument[] = harness.readerPolicies,
): Promise<Ended & { log: string }> {
  const { PATH = '', HOME = '', ...job } = harness.jobEnvironment(policies);
  const credentials = step.role ? job : {};
  const parameters: Record<string, string> = {};
  for (const [variable, name] of Object.entries(step.parameters)) {
    const query = ['--names', name, '--with-decryption', '--query', 'Parameters[].Value', '--output', 'text'];
    const { stdout } = await run(['aws', 'ssm', 'get-parameters', ...query], { env: { PATH, HOME, ...job } });
    parameters[variable] = stdout.trimEnd();
  }
  const ended = await run([...step.shell, '-c', step.script], {
    cwd: join(harness.checkout, step.directory),
    env: { PATH, HOME, ...credentials, ...agent, ...step.env, ...parameters, GENESYS_API: harness.api.url },
  });
  return { ...ended, log: ended.stdout + ended.stderr };
}

async function runJob(steps: readonly Step[], agent: Record<string, string>) {
  const logs: string[] = [];
  for (const step of steps.filter(({ when }) => when === 'success')) {
    const { status, log } = await runStep(step, agent);
    expect({ step: step.name, status, log: status === 0 ? '' : log }).toEqual({
      step: step.name,
      status: 0,
      log: '',
    });
    logs.push(log);
  }
  return logs.join('');
}

function terraformCalls(): string[] {
  return readFileSync(join(harness.checkout, 'terraform.calls'), 'utf8').trimEnd().split('\n');
}

describe('CodeBuild', () => {
  let assembly: Assembly;

  beforeAll(() => {
    const directory = mkdtempSync(join(tmpdir(), 'sample-app-'));
    const synth = spawnSync(process.execPath, [`${EXAMPLES}/codebuild/app.ts`], {
      env: { ...process.env, CDK_OUTDIR: directory, NODE_OPTIONS: '' },
      encoding: 'utf8',
    });
    expect(synth).toMatchObject({ status: 0 });
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
    const [step] = codeBuildSteps(`${EXAMPLES}/codebuild/buildspec.yml`) as [Step];
    const token = harness.storedToken();

    const job = await runStep(step, {}, projectPolicies('ShortJob'));

    expect(job).toMatchObject({ status: 0, stderr: '' });
    expect(step.parameters).toEqual({ GENESYSCLOUD_ACCESS_TOKEN: '/ci/genesys/access-token' });
    expect(terraformCalls()).toEqual([
      'init -input=false (eu-central-1)',
      'plan -input=false -out=tfplan (eu-central-1)',
      'apply -input=false tfplan (eu-central-1)',
    ]);
    expect(harness.api.calls).toEqual(Array(2).fill({ path: '/api/v2/tokens/me', accepted: true }));
    expect(job.log).not.toContain(token);
  });

  test('the environment of the sample project names the parameter', () => {
    const projects = Object.values(assembly.template.Resources).filter(
      ({ Type }) => Type === 'AWS::CodeBuild::Project',
    );
    const variables = projects.flatMap(({ Properties }) => {
      const environment = Properties?.Environment as { EnvironmentVariables?: unknown[] };
      return environment.EnvironmentVariables ?? [];
    });

    expect(variables).toEqual([
      { Name: 'GENESYSCLOUD_ACCESS_TOKEN', Type: 'PARAMETER_STORE', Value: '/ci/genesys/access-token' },
    ]);
  });

  test('exec inside a phase requests the life that each command needs', async () => {
    const [step] = codeBuildSteps(`${EXAMPLES}/codebuild/buildspec-long.yml`) as [Step];
    const first = harness.storedToken();

    const job = await runStep(step, {}, projectPolicies('LongJob'));

    expect(job.status).toBe(0);
    expect(job.stderr).toMatch(/token v\d+ .*, 19 min left\n[\s\S]*token v\d+ .*, 59 min left\n/);
    expect(job.stdout).toMatch(/^version +v\d+$/m);
    expect(harness.api.calls).toEqual(Array(2).fill({ path: '/api/v2/tokens/me', accepted: true }));
    for (const token of [first, harness.storedToken()]) expect(job.log).not.toContain(token);
  });

  test('a project that may only read is refused if it requests more life', async () => {
    const [step] = codeBuildSteps(`${EXAMPLES}/codebuild/buildspec-long.yml`) as [Step];

    const job = await runStep(step, {}, projectPolicies('ShortJob'));

    expect(job.status).toBe(5);
    expect(job.stderr).toContain('AWS refused lambda:InvokeFunction');
    expect(terraformCalls()).toHaveLength(2);
  });
});

describe('Jenkins', () => {
  test('the Jenkinsfile runs under sh -xe and its log holds no token', async () => {
    installCommand(harness.commands, 'python3', `exec ${pythonWithSdk()} "$@"`);
    const steps = jenkinsSteps(`${EXAMPLES}/jenkins/Jenkinsfile`);

    const log = await runJob(steps, { JENKINS_URL: 'https://jenkins.example/', BUILD_NUMBER: '1' });

    expect(steps.map(({ name, when, directory }) => [name, when, directory])).toEqual([
      ['CX as Code', 'success', 'ci/examples/cx-as-code'],
      ['CX as Code', 'success', 'ci/examples/cx-as-code'],
      ['Report', 'success', '.'],
      ['', 'failure', '.'],
    ]);
    expect(log).toContain('+ ../../access-token exec genesys');
    expect(log).toContain('queue-3 Queue 3');
    expect(log).not.toContain(harness.storedToken());
  });

  test('with the AWS Parameter Store plugin', async () => {
    const steps = jenkinsSteps(`${EXAMPLES}/jenkins/Jenkinsfile.parameter-store`);

    const log = await runJob(steps, { BUILD_NUMBER: '1' });

    expect(steps[0]?.parameters.ACCESS_TOKEN).toBe('/ci/genesys/access-token');
    expect(terraformCalls()).toHaveLength(2);
    expect(log).not.toContain(harness.storedToken());
  });

  test('doctor says what is wrong after a failed job', async () => {
    const [failure] = jenkinsSteps(`${EXAMPLES}/jenkins/Jenkinsfile`).filter(
      ({ when }) => when === 'failure',
    );

    const { status, stdout } = await runStep(failure as Step, {});

    expect(stdout).toMatch(/^job: decrypt token +ok /m);
    expect(status).toBe(0);
  });
});

test('the GitHub Actions workflow runs, and its log is masked before the token could appear', async () => {
  const agent = { GITHUB_ACTIONS: 'true', CI: 'true' };
  const steps = gitHubSteps(`${EXAMPLES}/github-actions/workflow.yml`);

  const log = await runJob(steps, agent);

  const token = harness.storedToken();
  const visible = log.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  expect(log).toContain(`::add-mask::${token}\n`);
  expect(visible.join('\n')).not.toContain(token);
  expect(steps.map(({ role }) => role)).toEqual([true, true, true]);
  expect(harness.api.calls.map(({ path }) => path)).toEqual([
    '/api/v2/tokens/me',
    '/api/v2/routing/queues?pageNumber=1',
    '/api/v2/routing/queues?pageNumber=2',
    '/api/v2/routing/queues?pageNumber=3',
  ]);
  expect(harness.api.calls.every(({ accepted }) => accepted)).toBe(true);
});

test('the Azure pipeline runs, and its log is masked before the token could appear', async () => {
  const steps = azureSteps(`${EXAMPLES}/azure-pipelines/azure-pipelines.yml`);

  const log = await runJob(steps, { TF_BUILD: 'True', AGENT_NAME: 'agent' });

  const token = harness.storedToken();
  const visible = log.split('\n').filter((line) => !line.startsWith('##vso[task.setsecret]'));
  expect(log).toContain(`##vso[task.setsecret]${token}\n`);
  expect(visible.join('\n')).not.toContain(token);
  expect(terraformCalls()).toHaveLength(2);
  expect(steps.map(({ when }) => when)).toEqual(['success', 'failure']);
});

test('the curl loop shows no token under sh -x, and leaves it in no file', async () => {
  const env = { ...harness.jobEnvironment(harness.readerPolicies), GENESYS_API: harness.api.url };

  const job = await run(['sh', '-x', 'ci/examples/curl/export-loop.sh', 'genesys', '2'], {
    cwd: harness.checkout,
    env,
  });

  expect(job).toMatchObject({ status: 0, stdout: '' });
  expect(job.stderr).not.toContain(harness.storedToken());
  expect(filesContaining(harness.checkout, harness.storedToken())).toEqual([]);
  expect(readFileSync(join(harness.checkout, 'queues-2.json'), 'utf8')).toContain('Queue 2');
});

test('the curl loop ends at the first token that cannot be read', async () => {
  const env = { ...harness.jobEnvironment([]), GENESYS_API: harness.api.url };

  const job = await run(['sh', 'ci/examples/curl/export-loop.sh', 'genesys', '2'], {
    cwd: harness.checkout,
    env,
  });

  expect(job.status).toBe(5);
  expect(harness.api.calls).toEqual([]);
});

test('the Genesys CLI gets the token in its environment', async () => {
  installCommand(harness.commands, 'gc', `printf '%s\\n' "$* \${GENESYSCLOUD_ACCESS_TOKEN:+with a token}"`);

  const job = await run(['ci/examples/genesys-cli/list-queues.sh', 'genesys'], {
    cwd: harness.checkout,
    env: harness.jobEnvironment(harness.readerPolicies),
  });

  expect(job).toMatchObject({ status: 0, stdout: 'routing queues list --autopaginate with a token\n' });
});

test('the CXone call sends its token in a header', async () => {
  const env = { ...harness.jobEnvironment(harness.readerPolicies), CXONE_API: harness.api.url };

  const job = await run(['ci/examples/nice-cxone/list-agents.sh', 'genesys'], { cwd: harness.checkout, env });

  expect(job.status).toBe(0);
  expect(harness.api.calls).toEqual([{ path: '/incontactapi/services/v30.0/agents', accepted: true }]);
});

test('the Python SDK gets another token if the API refuses the stored one, and lists every page', async () => {
  harness.authorizationServer.revoke(harness.storedToken());

  const job = await run([pythonWithSdk(), 'ci/examples/python/list_queues.py'], {
    cwd: harness.checkout,
    env: { ...harness.jobEnvironment(harness.readerPolicies), GENESYS_API: harness.api.url },
  });

  expect(job).toMatchObject({ status: 0, stdout: 'queue-1 Queue 1\nqueue-2 Queue 2\nqueue-3 Queue 3\n' });
  expect(harness.api.calls.map(({ accepted }) => accepted)).toEqual([false, true, true, true]);
});

/** The Python of `.ci/install-shell-tools.sh`, which has the SDK. */
function pythonWithSdk(): string {
  const python = join(process.cwd(), '.venv/shell-tools/bin/python3');
  if (!existsSync(python))
    throw new Error('The Python SDK is missing. Run .ci/install-shell-tools.sh first.');
  return python;
}
