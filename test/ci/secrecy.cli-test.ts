import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AwsCli, findAwsClis, installCommand } from './support/aws-cli.ts';
import { filesContaining, watchArguments } from './support/process.ts';
import { AWKWARD_TOKEN, openReaderHarness, READ, type ReaderHarness } from './support/reader-harness.ts';
import { requireShells } from './support/shells.ts';

/** A plain token: the awkward one would not show up verbatim in a trace that quotes it. */
const CANARY = 'canary0123456789abcdef';

let harness: ReaderHarness;

beforeAll(requireShells);
beforeEach(async () => {
  harness = await openReaderHarness(findAwsClis().at(-1) as AwsCli);
  harness.storeToken(CANARY);
  harness.storeStatus();
});
afterEach(() => harness.close());

describe('a shell that traces', () => {
  test.each([
    { name: 'dash -x', shell: ['dash', '-x'] },
    { name: 'dash -xva', shell: ['dash', '-xva'] },
    { name: 'bash -x', shell: ['bash', '-x'] },
    { name: 'bash -xva', shell: ['bash', '-xva'] },
    { name: 'busybox sh -xva', shell: ['busybox', 'sh', '-xva'] },
    { name: 'bash with SHELLOPTS', shell: ['bash'], env: { SHELLOPTS: 'xtrace:verbose:allexport' } },
    { name: 'bash with BASH_XTRACEFD', shell: ['bash', '-x'], env: { BASH_XTRACEFD: '2' } },
  ])('$name shows no token', async ({ shell, env = {} }) => {
    const options = { shell, policies: [READ], env };
    const get = await harness.job(['get', 'genesys'], options);
    const exec = await harness.job(['exec', 'genesys', '--', '/bin/true'], options);
    const status = await harness.job(['status', 'genesys'], options);

    expect(get.stdout).toBe(`${CANARY}\n`);
    expect([get.status, exec.status, status.status]).toEqual([0, 0, 0]);
    expect(get.stderr + exec.stderr + exec.stdout + status.stderr + status.stdout).not.toContain(CANARY);
  });
});

test('a variable that the caller exported under a name of the script does not pass the token to a child', async () => {
  const names = ['token', 'answer', 'row', 'status', 'value', 'rest'];
  const env = Object.fromEntries(names.map((name) => [name, 'mine']));

  const job = await harness.job(['exec', 'genesys', '--', 'env'], { policies: [READ], env });

  const lines = job.stdout.split('\n').filter((line) => line.includes(CANARY));
  expect(lines).toEqual([`ACCESS_TOKEN=${CANARY}`]);
});

test('the token is in no argument list while get and exec run', async () => {
  const watch = watchArguments(CANARY);
  const env = { GITHUB_ACTIONS: 'true' };

  const get = await harness.job(['get', 'genesys'], { policies: [READ], env });
  const exec = await harness.job(['exec', 'genesys', '--', 'sh', '-c', 'sleep 0.2; true'], {
    policies: [READ],
    env,
  });

  const { seen, scans } = watch.stop();
  expect([get.status, exec.status]).toEqual([0, 0]);
  expect(scans).toBeGreaterThan(20);
  expect(seen).toEqual([]);
});

test('no program that the script starts, however short-lived, gets the token as an argument', async () => {
  const { PATH = '', ...environment } = harness.jobEnvironment([READ]);
  const recorders = mkdtempSync(join(tmpdir(), 'recorders-'));
  const record = join(recorders, 'record');
  for (const program of [
    'env',
    'sed',
    'grep',
    'tail',
    'tr',
    'od',
    'sleep',
    'date',
    'cat',
    'aws',
    'printenv',
  ]) {
    installCommand(
      recorders,
      program,
      `printf '%s\\n' "${program} $*" >>${record}
PATH='${PATH}' exec ${program} "$@"`,
    );
  }
  const env = { ...environment, PATH: `${recorders}:${PATH}`, GITHUB_ACTIONS: 'true' };

  const get = await harness.job(['get', 'genesys'], { env });
  const exec = await harness.job(['exec', 'genesys', '--', 'printenv', 'ACCESS_TOKEN'], { env });

  expect([get.stdout, exec.stdout]).toEqual([`${CANARY}\n`, `${CANARY}\n`]);
  const recorded = readFileSync(record, 'utf8');
  expect(recorded).toContain('aws ssm get-parameters');
  expect(recorded).toContain('printenv ACCESS_TOKEN');
  expect(recorded).not.toContain(CANARY);
});

test('the check would find a token that is an argument', async () => {
  const watch = watchArguments(CANARY);

  await harness.job(['exec', 'genesys', '--', 'sh', '-c', 'sh -c "sleep 0.2; :" "$ACCESS_TOKEN"'], {
    policies: [READ],
  });

  expect(watch.stop().seen).toContain('sh');
});

test.each(['dash', 'bash'])('%s leaves the token in no file', async (shell) => {
  await harness.job(['get', 'genesys'], { policies: [READ], shell: [shell] });
  await harness.job(['exec', 'genesys', '--', '/bin/true'], { policies: [READ], shell: [shell] });
  await harness.job(['doctor', 'genesys'], { policies: [READ], shell: [shell] });

  expect(filesContaining(harness.home, CANARY)).toEqual([]);
});

describe('masking', () => {
  test.each([
    ['GitHub Actions', { GITHUB_ACTIONS: 'true' }, '::add-mask::', '%25'],
    ['Azure Pipelines', { TF_BUILD: 'True' }, '##vso[task.setsecret]', '%AZP25'],
  ])(
    '%s is told before anything else is printed, and not on stdout',
    async (_name, env, command, percent) => {
      harness.storeToken(AWKWARD_TOKEN);
      harness.storeStatus({ version: 2 });

      const get = await harness.job(['get', 'genesys'], { policies: [READ], env });
      const exec = await harness.job(['exec', 'genesys', '--', 'printenv', 'ACCESS_TOKEN'], {
        policies: [READ],
        env,
      });

      for (const job of [get, exec]) {
        const [first, second] = job.stderr.split('\n');
        expect(first).toBe(command + AWKWARD_TOKEN.replaceAll('%', percent));
        expect(second).toMatch(/^token v2 /);
        expect(job.stdout).toBe(`${AWKWARD_TOKEN}\n`);
      }
    },
  );

  test('on other systems the token is printed only on stdout', async () => {
    const job = await harness.job(['get', 'genesys'], { policies: [READ] });

    expect(job.stderr).not.toContain(CANARY);
  });

  test('status and doctor never print the token', async () => {
    const env = { GITHUB_ACTIONS: 'true' };
    const jobs = [
      await harness.job(['status', 'genesys'], { env }),
      await harness.job(['status', 'genesys', '--json'], { env }),
      await harness.job(['doctor', 'genesys'], { env }),
    ];

    for (const { stdout, stderr } of jobs) expect(stdout + stderr).not.toContain(CANARY);
  });
});
