import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AwsCli, findAwsClis, installCommand } from './support/aws-cli.ts';
import { filesContaining } from './support/process.ts';
import { AWKWARD_TOKEN, openReader, type Reader } from './support/reader.ts';
import { requireShells, SHELLS } from './support/shells.ts';

/** A plain token: the awkward one would not show up verbatim in a trace that quotes it. */
const CANARY = 'canary0123456789abcdef';
const GET = ['get', 'genesys'];
const PRINT = ['exec', 'genesys', '--', 'printenv', 'ACCESS_TOKEN'];

let reader: Reader;

beforeAll(requireShells);
beforeEach(async () => {
  reader = await openReader(findAwsClis().at(-1) as AwsCli);
  reader.storeToken(CANARY);
  reader.storeStatus();
});
afterEach(() => reader.close());

test.each([
  ...SHELLS.map(({ name, shell }) => ({ name, shell, env: {} })),
  { name: 'bash with SHELLOPTS', shell: ['bash'], env: { SHELLOPTS: 'xtrace:verbose:allexport' } },
  { name: 'bash with BASH_XTRACEFD', shell: ['bash', '-x'], env: { BASH_XTRACEFD: '2' } },
])('a trace shows no token, and no file has it: $name', async ({ shell, env }) => {
  const options = { shell: Object.keys(env).length > 0 ? shell : [...shell, '-xva'], env };

  const get = await reader.job(GET, options);
  const exec = await reader.job(['exec', 'genesys', '--', '/bin/true'], options);
  const status = await reader.job(['status', 'genesys'], options);
  const doctor = await reader.job(['doctor', 'genesys'], options);

  expect(get.stdout).toBe(`${CANARY}\n`);
  expect([get.status, exec.status, status.status]).toEqual([0, 0, 0]);
  const shown = [exec, status, doctor].flatMap(({ stdout, stderr }) => [stdout, stderr]);
  expect([get.stderr, ...shown].join('\n')).not.toContain(CANARY);
  expect(filesContaining(reader.home, CANARY)).toEqual([]);
});

test('no program that the script starts, however short-lived, gets the token as an argument', async () => {
  const { PATH = '' } = reader.environment();
  const recorders = mkdtempSync(join(tmpdir(), 'recorders-'));
  const record = join(recorders, 'record');
  // These are all in PATH: another program would not be found.
  for (const program of 'aws cat date env od printenv sed sh sleep tr'.split(' '))
    installCommand(
      recorders,
      program,
      `printf '%s\\n' "${program} $*" >>${record}\nPATH='${PATH}' exec ${program} "$@"`,
    );
  const options = { shell: ['/bin/sh'], env: { PATH: recorders, GITHUB_ACTIONS: 'true' } };

  const jobs = [
    await reader.job(GET, options),
    await reader.job([...GET, '--json'], options),
    await reader.job(PRINT, options),
  ];

  for (const { status, stdout } of jobs) expect([status, stdout.includes(CANARY)]).toEqual([0, true]);
  const recorded = readFileSync(record, 'utf8');
  expect(recorded).toContain('aws ssm get-parameters');
  expect(recorded).toContain('printenv ACCESS_TOKEN');
  expect(recorded).not.toContain(CANARY);
});

test.each([
  ['GitHub Actions', { GITHUB_ACTIONS: 'true' }, '::add-mask::', '%25'],
  ['Azure Pipelines', { TF_BUILD: 'True' }, '##vso[task.setsecret]', '%AZP25'],
])(
  '%s is told the mask before anything else is printed, and not on stdout',
  async (_name, env, command, percent) => {
    reader.storeStatus({ version: reader.storeToken(AWKWARD_TOKEN) });

    const jobs = [await reader.job(GET, { env }), await reader.job(PRINT, { env })];
    const unmasked = await reader.job([...GET, '--no-mask'], { env });
    const status = await reader.job(['status', 'genesys', '--json'], { env });

    for (const { stdout, stderr } of jobs) {
      const [first, second] = stderr.split('\n');
      expect(first).toBe(command + AWKWARD_TOKEN.replaceAll('%', percent));
      expect(second).toMatch(/^token v2 /);
      expect(stdout).toBe(`${AWKWARD_TOKEN}\n`);
    }
    expect(unmasked.stderr + status.stderr + status.stdout).not.toContain('canary');
  },
);
