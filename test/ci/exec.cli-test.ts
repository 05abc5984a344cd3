import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installCommand } from './support/aws-cli.ts';
import { AWKWARD_TOKEN, accountContent, installStandIn, SCRIPT } from './support/aws-stand-in.ts';
import { filesContaining, run } from './support/process.ts';
import { requireShells, SHELLS } from './support/shells.ts';

/** A plain token: the awkward one would not show up verbatim in a trace that quotes it. */
const TOKEN = 'canary0123456789abcdef';
const GET = ['get', 'genesys'];
const EXEC = ['exec', 'genesys'];
const PRINT = [...EXEC, '--', 'printenv', 'ACCESS_TOKEN'];

const standIn = installStandIn();
let home: string;

beforeAll(requireShells);
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'exec-'));
  standIn.serve(accountContent({ token: TOKEN }));
});

/** Every name that the script assigns, and those that shells and programs give a meaning. */
function namesOfInterest(): string[] {
  const script = readFileSync(SCRIPT, 'utf8');
  const assigned = [...script.matchAll(/(?<![\w"'-])([A-Za-z_]\w*)=/g)].map(([, name]) => name as string);
  const special = 'IFS LC_ALL LANG CDPATH PS4 TZ POSIX_ME GREP_OPTIONS PYTHONWARNINGS'.split(' ');
  return [...new Set([...assigned, ...special])].filter((name) => name !== 'PATH');
}

describe.each(SHELLS)('under $name', ({ shell }) => {
  test.each(['x[$(touch pwned)]', '0', ''])('exec changes no variable that is %j', async (value) => {
    const names = namesOfInterest().map((name) => [name, value]);
    const env = { ...standIn.environment, ...Object.fromEntries(names) };
    // What the shell itself, with a script that does nothing else, hands on.
    writeFileSync(join(home, 'baseline'), 'exec "$@"\n');
    const baseline = await run([...shell, join(home, 'baseline'), 'env', '-0'], { cwd: home, env });

    const job = await standIn.job([...EXEC, '--env', 'MY_TOKEN', '--', 'env', '-0'], {
      shell,
      cwd: home,
      env,
    });

    const expected = [...baseline.stdout.split('\0'), `MY_TOKEN=${TOKEN}`].sort();
    expect(job).toMatchObject({ status: 0 });
    expect(job.stdout.split('\0').sort()).toEqual(expected);
  });

  test('exec leaves directory, umask, options and standard input as they are', async () => {
    const probe = ['sh', '-c', 'pwd; umask; cat; echo "$-"'];
    const options = { cwd: home, env: standIn.environment, input: 'from the caller\n' };

    const job = await standIn.job([...EXEC, '--', ...probe], { ...options, shell });

    expect(job.stdout).toBe((await run(probe, options)).stdout);
  });

  test('no program that the script starts, however short-lived, finds the token in its arguments or its environment', async () => {
    // These are all in PATH: another program would not be found.
    for (const program of 'aws cat date od sed sh sleep tr'.split(' '))
      installCommand(
        home,
        program,
        `echo "${program} $*" >>${home}/seen; export -p >>${home}/seen; PATH='${standIn.environment.PATH}' exec ${program} "$@"`,
      );
    const found = await run(['sh', '-c', `command -v ${shell[0]}`], { env: process.env });
    const options = {
      shell: [found.stdout.trim(), ...shell.slice(1)],
      env: {
        token: 'mine',
        answer: 'mine',
        value: 'mine',
        result: 'mine',
        PATH: home,
        GITHUB_ACTIONS: 'true',
      },
    };

    const jobs = [
      await standIn.job([...GET, '--json'], options),
      await standIn.job([...EXEC, '--', '/usr/bin/printenv', 'ACCESS_TOKEN'], options),
    ];

    for (const { status, stdout } of jobs) expect([status, stdout.includes(TOKEN)]).toEqual([0, true]);
    const seen = readFileSync(join(home, 'seen'), 'utf8');
    expect(seen).toContain('aws ssm get-parameters');
    expect(seen).not.toContain(TOKEN);
  });

  test.each([{}, { SHELLOPTS: 'xtrace:verbose:allexport' }])(
    'a trace shows no token, and no file has it: %j',
    async (env) => {
      const options = { shell: 'SHELLOPTS' in env ? shell : [...shell, '-xva'], env, cwd: home };

      const get = await standIn.job(GET, options);
      const exec = await standIn.job([...EXEC, '--', '/bin/true'], options);
      const doctor = await standIn.job(['doctor', 'genesys'], options);

      expect(get.stdout).toBe(`${TOKEN}\n`);
      expect([get.status, exec.status, doctor.status]).toEqual([0, 0, 0]);
      const shown = [get.stderr, exec.stdout, exec.stderr, doctor.stdout, doctor.stderr];
      expect(shown.join('\n')).not.toContain(TOKEN);
      expect(filesContaining(home, TOKEN)).toEqual([]);
    },
  );

  test.each(['RANDOM', 'SECONDS', 'OPTIND', 'UID'])(
    '--env %s is refused where the shell keeps it, and runs nothing',
    async (name) => {
      const token = 'x[$(touch$IFS/pwned)]';
      standIn.serve(accountContent({ token }));

      const job = await standIn.job([...EXEC, '--env', name, '--', 'printenv', name], { shell });

      expect([0, 2]).toContain(job.status);
      expect(job.stdout).toBe(job.status === 0 ? `${token}\n` : '');
    },
  );

  test.each([
    [GET, '>/dev/full', 2],
    [GET, '>&-', 2],
    [[...EXEC, '--', './command'], '<&-', 0],
    [[...EXEC, '--', './command'], '2>&-', 0],
    [[...EXEC, '--', './command'], '>/dev/null 2>&-', 0],
  ])('%j %s ends with %d, and hands the token to the command alone', async (args, redirection, status) => {
    installCommand(home, 'command', 'printf %s "$ACCESS_TOKEN" >seen');
    const line = `${shell.join(' ')} ${SCRIPT} ${args.join(' ')} ${redirection}`;

    const job = await run(['sh', '-c', line], { cwd: home, env: standIn.environment });

    expect(job).toMatchObject({ status, stdout: '' });
    expect(job.stderr).not.toContain(TOKEN);
    if (status === 0) expect(readFileSync(join(home, 'seen'), 'utf8')).toBe(TOKEN);
    else expect(job.stderr).toMatch(/could not be written to stdout|stdout is closed/);
  });
});

test('bash passes SHELLOPTS on as the caller exported it', async () => {
  const SHELLOPTS = 'braceexpand:hashall:interactive-comments:xtrace';

  const job = await standIn.job([...EXEC, '--', 'printenv', 'SHELLOPTS'], {
    shell: ['bash'],
    env: { SHELLOPTS, BASH_XTRACEFD: '2' },
  });

  expect(job.stdout).toBe(`${SHELLOPTS}\n`);
  expect(job.stderr).not.toContain(TOKEN);
});

test('only the AWS CLI gets the profile', async () => {
  const job = await standIn.job([...EXEC, '--profile', 'other account', '--', 'env']);

  expect(job.status).toBe(0);
  expect(job.stdout).not.toMatch(/other account|AWS_PROFILE/);
  expect(standIn.calls()).toMatch(/^(--profile other account .*\n)+$/);
});

test.each([
  ['GITHUB_ACTIONS', 'true', '::add-mask::', '%25'],
  ['TF_BUILD', 'True', '##vso[task.setsecret]', '%AZP25'],
])('%s: the mask is told before anything else, and not on stdout', async (name, set, command, percent) => {
  standIn.serve(accountContent({ token: AWKWARD_TOKEN }));
  const options = { env: { [name]: set } };

  const jobs = [await standIn.job(GET, options), await standIn.job(PRINT, options)];
  const unmasked = await standIn.job([...GET, '--no-mask'], options);

  for (const { stdout, stderr } of jobs) {
    const mask = command + AWKWARD_TOKEN.replaceAll('%', percent);
    expect(stderr.split('\n')).toEqual([mask, expect.stringMatching(/^token v42 /), '']);
    expect(stdout).toBe(`${AWKWARD_TOKEN}\n`);
  }
  expect(unmasked.stderr).not.toContain('canary');
});

test('the example with two tokens passes both to its command', async () => {
  const print = ['sh', '-c', 'echo "$GENESYSCLOUD_ACCESS_TOKEN $CXONE_ACCESS_TOKEN"'];

  const job = await run(['ci/examples/two-tokens/with-both.sh', ...print], { env: standIn.environment });

  expect(job).toMatchObject({ status: 0, stdout: `${TOKEN} ${TOKEN}\n` });
});
