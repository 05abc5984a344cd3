import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installCommand } from './support/aws-cli.ts';
import { accountContent, installStandIn, type StandIn } from './support/aws-stand-in.ts';
import { run } from './support/process.ts';
import { SCRIPT } from './support/reader.ts';
import { requireShells, SHELLS } from './support/shells.ts';

const TOKEN = 'canary0123456789abcdef';
const EXEC = ['exec', 'genesys'];

let standIn: StandIn;
let home: string;

beforeAll(requireShells);
beforeEach(() => {
  standIn = installStandIn();
  home = mkdtempSync(join(tmpdir(), 'exec-'));
  standIn.serve(accountContent({ token: TOKEN }));
});
afterEach(() => {
  standIn.remove();
  rmSync(home, { recursive: true, force: true });
});

/** Every name that the script assigns, and those that shells and programs give a meaning. */
function namesOfInterest(): string[] {
  const script = readFileSync(SCRIPT, 'utf8');
  const assigned = [...script.matchAll(/(?<![\w"'-])([A-Za-z_]\w*)=/g)].map(([, name]) => name as string);
  const special = 'IFS LC_ALL LANG CDPATH PS4 TZ POSIX_ME GREP_OPTIONS PYTHONWARNINGS'.split(' ');
  return [...new Set([...assigned, ...special])].filter((name) => name !== 'PATH');
}

describe.each(SHELLS)('under $name', ({ shell }) => {
  const words = shell.join(' ');

  test.each(['text', 'x[$(touch pwned)]', '0', ''])(
    'exec changes no variable of the caller that is %j',
    async (value) => {
      const env = {
        ...standIn.environment,
        ...Object.fromEntries(namesOfInterest().map((name) => [name, value])),
      };
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
    },
  );

  test('exec leaves directory, umask, options and standard input as they are', async () => {
    const probe = ['sh', '-c', 'pwd; umask; cat; echo "$-"'];
    const options = { cwd: home, env: standIn.environment, input: 'from the caller\n' };

    const job = await standIn.job([...EXEC, '--', ...probe], { ...options, shell });

    expect(job.stdout).toBe((await run(probe, options)).stdout);
  });

  test('no program that the script starts finds the token in its environment', async () => {
    installCommand(home, 'sed', `env >>${home}/seen; exec /bin/sed "$@"`);
    const exported = { token: 'mine', answer: 'mine', value: 'mine', result: 'mine' };
    const env = { ...exported, PATH: `${home}:${standIn.environment.PATH}` };

    const get = await standIn.job(['get', 'genesys'], { shell, env });

    expect(get.stdout).toBe(`${TOKEN}\n`);
    expect(readFileSync(join(home, 'seen'), 'utf8')).not.toContain(TOKEN);
  });

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

  test.each(['>/dev/full', '>&-'])('get %s is an error', async (redirection) => {
    const line = `${words} ${SCRIPT} get genesys ${redirection}`;

    const job = await run(['sh', '-c', line], { cwd: home, env: standIn.environment });

    expect(job.status).toBe(2);
    expect(job.stderr).toMatch(/could not be written to stdout|stdout is closed/);
  });

  test.each(['<&-', '2>&-', '>/dev/null 2>&-'])(
    'exec with %s hands the token to the command alone',
    async (redirection) => {
      const seen = join(home, 'seen');
      const command = `sh -c 'printf %s "$ACCESS_TOKEN" >${seen}'`;
      const line = `${words} ${SCRIPT} exec genesys -- ${command} ${redirection}`;

      const job = await run(['sh', '-c', line], { cwd: home, env: standIn.environment });

      expect(job).toMatchObject({ status: 0, stdout: '' });
      expect(readFileSync(seen, 'utf8')).toBe(TOKEN);
      expect(job.stderr).not.toContain(TOKEN);
    },
  );
});

test('bash passes SHELLOPTS on as the caller exported it', async () => {
  const SHELLOPTS = 'braceexpand:hashall:interactive-comments:xtrace';

  const job = await standIn.job([...EXEC, '--', 'printenv', 'SHELLOPTS'], {
    shell: ['bash'],
    env: { SHELLOPTS },
  });

  expect(job.stdout).toBe(`${SHELLOPTS}\n`);
  expect(job.stderr).not.toContain(TOKEN);
});

test('without the life that it needs, the command runs only with --best-effort', async () => {
  const command = ['--', 'printenv', 'ACCESS_TOKEN'];

  const strict = await standIn.job([...EXEC, '--min-ttl', '2h', ...command]);
  const lenient = await standIn.job([...EXEC, '--min-ttl', '2h', '--best-effort', ...command]);
  const excluded = await standIn.job([...EXEC, '--not-version', '42', '--best-effort', ...command]);

  expect(strict).toMatchObject({ status: 3, stdout: '' });
  expect(strict.stderr).toContain('the command was not run');
  expect(lenient).toMatchObject({ status: 0, stdout: `${TOKEN}\n` });
  expect(excluded).toMatchObject({ status: 4, stdout: '' });
});

test('signals reach the command that exec became', async () => {
  const loop = 'trap "echo cleaned; exit 9" TERM; echo up; while :; do /bin/sleep 0.05; done';

  const job = await standIn.job([...EXEC, '--', 'sh', '-c', loop], {
    onStart: async (child) => {
      await once(child.stdout as NodeJS.EventEmitter, 'data');
      child.kill('SIGTERM');
    },
  });

  expect(job).toMatchObject({ status: 9, stdout: 'up\ncleaned\n' });
});

test('only the AWS CLI gets the profile', async () => {
  const job = await standIn.job([...EXEC, '--profile', 'other account', '--', 'env']);

  expect(job.status).toBe(0);
  expect(job.stdout).not.toMatch(/other account|AWS_PROFILE/);
  expect(new Set(standIn.profiles().trim().split('\n'))).toEqual(new Set(['other account']));
});

test('the example with two tokens passes both to its command', async () => {
  const print = ['sh', '-c', 'echo "$GENESYSCLOUD_ACCESS_TOKEN $CXONE_ACCESS_TOKEN"'];

  const job = await run(['ci/examples/two-tokens/with-both.sh', ...print], { env: standIn.environment });

  expect(job).toMatchObject({ status: 0, stdout: `${TOKEN} ${TOKEN}\n` });
});
