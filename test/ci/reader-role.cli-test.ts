import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { administratorPolicy } from '../../local/aws/iam.ts';
import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { FOREIGN_ROLE_ARN, READER_ROLE_ARN } from './support/ci-systems.ts';
import { openPipelineHarness, type PipelineHarness } from './support/pipeline-harness.ts';
import { type Ended, filesContaining, run } from './support/process.ts';
import { bitbucketSteps, gitLabSteps, type Step } from './support/steps.ts';

// The AWS CLI itself takes the role: version 2 before 2.13 would ask the real STS.
const [cli] = findAwsClis().filter(({ version }) => version === 'v1') as [AwsCli];
const STEP = '{11111111-2222-4333-8444-555555555555}';
const DEPLOYMENT = '{22222222-2222-4333-8444-555555555555}';
const REPOSITORY = '{9a8b7c6d-1234-4abc-8def-0123456789ab}';

let harness: PipelineHarness;

beforeAll(async () => {
  harness = await openPipelineHarness(cli);
});
beforeEach(async () => {
  // The CLI keeps the sessions of roles there.
  rmSync(join(harness.checkout, '.aws'), { recursive: true, force: true });
  await harness.startAfresh();
  // Twenty minutes are left: too little for --min-ttl 45m.
  harness.ageToken(40);
});
afterAll(() => harness.close());

/** A job without credentials, on an agent that sets these variables. */
function runJob(step: Step, agent: Record<string, string>): Promise<Ended> {
  const { PATH = '', HOME = '', TMPDIR = '' } = harness.jobEnvironment([]);
  return run([...step.shell, '-c', step.script], {
    cwd: join(harness.checkout, step.directory),
    env: { ...step.env, ...agent, PATH, HOME, TMPDIR, AWS_ENDPOINT_URL: harness.endpoint.url },
  });
}

function runGitLabJob(idToken: string): Promise<Ended> {
  const [step] = gitLabSteps('ci/examples/gitlab/.gitlab-ci.yml') as [Step];
  expect(step.env.AWS_WEB_IDENTITY_TOKEN_FILE).toBe('/tmp/aws-id-token');
  return runJob(step, {
    AWS_ID_TOKEN: idToken,
    AWS_WEB_IDENTITY_TOKEN_FILE: join(harness.checkout, 'aws-id-token'),
  });
}

function terraformCalls(): string[] {
  return readFileSync(join(harness.checkout, 'terraform.calls'), 'utf8').trimEnd().split('\n');
}

test('the GitLab job takes the reader role by OIDC, and its log and files hold no token', async () => {
  const job = await runGitLabJob(await harness.ciSystems.idToken('gitLab'));

  expect(job).toMatchObject({ status: 0 });
  expect(job.stderr).toMatch(/token v\d+ .*, 59 min left/);
  expect(terraformCalls()).toHaveLength(2);
  expect(job.stdout + job.stderr).not.toContain(harness.storedToken());
  expect(filesContaining(harness.checkout, harness.storedToken())).toEqual([]);
});

test.each([
  ['another branch', { sub: 'project_path:octo/ivr:ref_type:branch:ref:evil' }],
  ['another group', { sub: 'project_path:octo-evil/ivr:ref_type:branch:ref:main' }],
  ['another audience', { aud: 'https://vault.example.com' }],
])('a GitLab job of %s gets no token', async (_, claims) => {
  const job = await runGitLabJob(await harness.ciSystems.idToken('gitLab', claims));

  expect(job.status).not.toBe(0);
  expect(job.stderr).toMatch(
    /Not authorized to perform sts:AssumeRoleWithWebIdentity|Incorrect token audience/,
  );
  expect(terraformCalls()).toEqual(['init -input=false (eu-central-1)']);
});

test.each([
  ['a step', `${REPOSITORY}:${STEP}`],
  ['a deployment', `${REPOSITORY}:${DEPLOYMENT}:${STEP}`],
])('the Bitbucket pipeline takes the reader role by OIDC: %s', async (_, sub) => {
  const [step] = bitbucketSteps('ci/examples/bitbucket/bitbucket-pipelines.yml') as [Step];
  const token = await harness.ciSystems.idToken('bitbucket', { sub });

  const job = await runJob(step, { BITBUCKET_STEP_OIDC_TOKEN: token });

  expect(step.role).toBe(true);
  expect(job).toMatchObject({ status: 0 });
  expect(terraformCalls()).toHaveLength(2);
  expect(job.stdout + job.stderr).not.toContain(harness.storedToken());
});

test('a Bitbucket pipeline of another repository gets no token', async () => {
  const [step] = bitbucketSteps('ci/examples/bitbucket/bitbucket-pipelines.yml') as [Step];
  const sub = `{00000000-1234-4abc-8def-0123456789ab}:${STEP}`;

  const job = await runJob(step, {
    BITBUCKET_STEP_OIDC_TOKEN: await harness.ciSystems.idToken('bitbucket', { sub }),
  });

  expect(job.status).not.toBe(0);
  expect(job.stderr).toContain('Not authorized to perform sts:AssumeRoleWithWebIdentity');
});

describe('from another account', () => {
  /** A job whose role is of another account, with the profile of docs/readers.md. */
  function runForeign(roleArn: string, command: readonly string[], settings = ''): Promise<Ended> {
    const [, , , , account, role = ''] = roleArn.split(':');
    const credentials = harness.endpoint.registerPrincipal({
      arn: `arn:aws:sts::${account}:assumed-${role}/build`,
      policies: [administratorPolicy],
    });
    const { PATH = '', HOME = '' } = harness.jobEnvironment([]);
    mkdirSync(join(HOME, '.aws'), { recursive: true });
    writeFileSync(
      join(HOME, '.aws/config'),
      `[profile genesys-token]\nrole_arn = ${READER_ROLE_ARN}\ncredential_source = Environment\nregion = eu-central-1\n${settings}`,
    );
    return run(command, {
      cwd: harness.checkout,
      env: {
        PATH,
        HOME,
        AWS_ENDPOINT_URL: harness.endpoint.url,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_SESSION_TOKEN: credentials.sessionToken,
      },
    });
  }

  const get = ['ci/access-token', 'get', 'genesys', '--profile', 'genesys-token', '--min-ttl', '45m'];

  test('the role that is named reads and refreshes by a profile', async () => {
    const job = await runForeign(FOREIGN_ROLE_ARN, get);

    expect(job).toMatchObject({ status: 0, stdout: `${harness.storedToken()}\n` });
    expect(job.stderr).toMatch(/, 59 min left/);
  });

  test.each(['arn:aws:iam::444455556666:role/admin', 'arn:aws:iam::777788889999:role/deploy'])(
    '%s gets no token',
    async (roleArn) => {
      const job = await runForeign(roleArn, get);

      expect(job).toMatchObject({ stdout: '' });
      expect(job.status).not.toBe(0);
      expect(job.stderr).toContain('is not authorized to perform: sts:AssumeRole');
    },
  );

  test('AWS refuses more than an hour where a role takes the role', async () => {
    const job = await runForeign(FOREIGN_ROLE_ARN, get, 'duration_seconds = 7200\n');

    expect(job.status).not.toBe(0);
    expect(job.stderr).toContain('1 hour session limit for roles assumed by role chaining');
  });
});
