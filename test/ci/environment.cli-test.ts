import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installCommand } from './support/aws-cli.ts';
import { installStandIn, type StandIn } from './support/aws-stand-in.ts';
import { type Ended, run } from './support/process.ts';
import { SCRIPT } from './support/reader-harness.ts';
import { requireShells, SHELLS } from './support/shells.ts';

const shells = SHELLS.map((shell) => ({ name: shell.join(' '), shell }));
const TOKEN = 'canary0123456789abcdef';

let standIn: StandIn;
let home: string;

beforeAll(requireShells);
beforeEach(() => {
  standIn = installStandIn();
  home = mkdtempSync(join(tmpdir(), 'environment-'));
  const expiresAtEpoch = Math.floor(Date.now() / 1000) + 3000;
  standIn.serve({
    token: TOKEN,
    version: 42,
    status: JSON.stringify({
      schemaVersion: 1,
      tokenVersion: 42,
      fingerprint: '9f86d081884c',
      expiresAtEpoch,
    }),
    payload: '{"satisfied":false,"tokenVersion":42,"steps":[]}',
  });
});
afterEach(() => {
  standIn.remove();
  rmSync(home, { recursive: true, force: true });
});

function environment(more: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: `${standIn.directory}:${process.env.PATH}`,
    HOME: home,
    AWS_REGION: 'eu-central-1',
    ...more,
  };
}

/** Every name that the script assigns, and those that shells and programs give a meaning. */
function namesOfInterest(): string[] {
  const script = readFileSync(SCRIPT, 'utf8');
  const assigned = [...script.matchAll(/(?<![\w"'-])([A-Za-z_]\w*)=/g)].map(([, name]) => name as string);
  const special = [
    'IFS',
    'LC_ALL',
    'LANG',
    'CDPATH',
    'PS4',
    'TZ',
    'POSIX_ME',
    'GREP_OPTIONS',
    'PYTHONWARNINGS',
  ];
  return [...new Set([...assigned, ...special])].filter((name) => name !== 'PATH');
}

describe.each(shells)('under $name', ({ shell }) => {
  /** What `env -0` prints when the shell itself, with a script that does nothing else, becomes it. */
  async function baseline(env: Record<string, string>): Promise<string[]> {
    const script = join(home, 'baseline');
    writeFileSync(script, 'exec "$@"\n');
    const { stdout } = await run([...shell, script, 'env', '-0'], { cwd: home, env });
    return stdout.split('\0').sort();
  }

  test.each(['text', 'x[$(touch pwned)]', '0', ''])(
    'exec changes no variable of the caller that is %j',
    async (value) => {
      const env = environment(Object.fromEntries(namesOfInterest().map((name) => [name, value])));
      const expected = await baseline(env);

      const job = await run([...shell, SCRIPT, 'exec', 'genesys', '--env', 'MY_TOKEN', '--', 'env', '-0'], {
        cwd: home,
        env,
      });

      expect(job.stdout.split('\0').sort()).toEqual([...expected, `MY_TOKEN=${TOKEN}`].sort());
      expect(job.status).toBe(0);
    },
  );

  test('exec leaves directory, umask, options and standard input as they are', async () => {
    const probe = 'pwd; umask; cat; echo "$-"';

    const job = await run([...shell, SCRIPT, 'exec', 'genesys', '--', 'sh', '-c', probe], {
      cwd: home,
      env: environment(),
      input: 'from the caller\n',
    });

    const plain = await run(['sh', '-c', probe], {
      cwd: home,
      env: environment(),
      input: 'from the caller\n',
    });
    expect(job.stdout).toBe(plain.stdout);
  });

  test('no program that the script starts finds the token in its environment', async () => {
    installCommand(home, 'sed', `env >>${home}/seen; exec /bin/sed "$@"`);
    const env = environment({ token: 'mine', answer: 'mine', value: 'mine', result: 'mine' });

    const get = await run([...shell, SCRIPT, 'get', 'genesys'], {
      cwd: home,
      env: { ...env, PATH: `${home}:${env.PATH}` },
    });

    expect(get.stdout).toBe(`${TOKEN}\n`);
    expect(readFileSync(join(home, 'seen'), 'utf8')).not.toContain(TOKEN);
  });

  test.each(['RANDOM', 'SECONDS', 'OPTIND', 'UID'])(
    '--env %s is refused where the shell keeps it, and runs nothing',
    async (name) => {
      standIn.serve({ ...servedContent(), token: 'x[$(touch$IFS/pwned)]' });

      const job = await run([...shell, SCRIPT, 'exec', 'genesys', '--env', name, '--', 'printenv', name], {
        cwd: home,
        env: environment(),
      });

      expect([0, 2]).toContain(job.status);
      expect(job.stdout).toBe(job.status === 0 ? 'x[$(touch$IFS/pwned)]\n' : '');
    },
  );

  test('a token that cannot be written to stdout is an error', async () => {
    const results: Ended[] = [];
    for (const redirection of ['>/dev/full', '>&-']) {
      const line = `${shell.join(' ')} ${SCRIPT} get genesys ${redirection}`;
      results.push(await run(['sh', '-c', line], { cwd: home, env: environment() }));
    }

    expect(results.map(({ status }) => status)).toEqual([2, 2]);
    for (const { stderr } of results)
      expect(stderr).toMatch(/could not be written to stdout|stdout is closed/);
  });

  test.each(['<&-', '2>&-', '>/dev/null 2>&-'])(
    'exec with %s hands the token to the command alone',
    async (redirection) => {
      const seen = join(home, 'seen');
      const command = `sh -c 'printf %s "$ACCESS_TOKEN" >${seen}'`;
      const line = `${shell.join(' ')} ${SCRIPT} exec genesys -- ${command} ${redirection}`;

      const job = await run(['sh', '-c', line], { cwd: home, env: environment() });

      expect(job).toMatchObject({ status: 0, stdout: '' });
      expect(readFileSync(seen, 'utf8')).toBe(TOKEN);
      expect(job.stderr).not.toContain(TOKEN);
    },
  );
});

test('bash passes SHELLOPTS on as the caller exported it', async () => {
  const env = environment({ SHELLOPTS: 'braceexpand:hashall:interactive-comments:xtrace' });

  const job = await run(['bash', SCRIPT, 'exec', 'genesys', '--', 'printenv', 'SHELLOPTS'], {
    cwd: home,
    env,
  });

  expect(job.stdout).toBe('braceexpand:hashall:interactive-comments:xtrace\n');
  expect(job.stderr).not.toContain(TOKEN);
});

function servedContent() {
  const expiresAtEpoch = Math.floor(Date.now() / 1000) + 3000;
  return {
    token: TOKEN,
    version: 42,
    status: JSON.stringify({ schemaVersion: 1, tokenVersion: 42, expiresAtEpoch }),
    payload: '{}',
  };
}
