import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { run } from '../support/process.ts';
import { createStoredTokenDirectory, type StoredTokenDirectory } from './support/stored-token.ts';

let stored: StoredTokenDirectory;

beforeEach(() => {
  stored = createStoredTokenDirectory();
  stored.store('canary-token');
});

afterEach(() => stored.remove());

/** Runs token-endpoint with this shell script as COMMAND. */
function runScript(
  script: string,
  onStart?: (child: ChildProcess) => void,
  env: Record<string, string> = {},
) {
  return run([process.execPath, stored.program, 'genesys', '--', 'sh', '-c', script], {
    env: { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', ...env },
    ...(onStart && { onStart }),
  });
}

/** Calls back once COMMAND wrote a line that is this word. */
function whenSaid(child: ChildProcess, word: string, action: () => void): void {
  let text = '';
  child.stdout?.on('data', (chunk) => {
    const before = text.includes(`${word}\n`);
    text += chunk;
    if (!before && text.includes(`${word}\n`)) action();
  });
}

test.each([0, 1, 3, 42, 255])("COMMAND's exit status %d is the status", async (status) => {
  const ended = await runScript(`exit ${status}`);

  expect(ended).toMatchObject({ status, signal: null });
});

test.each(['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)(
  'a COMMAND that dies by %s is seen to die by it',
  async (signal) => {
    const ended = await runScript(`kill -${signal.slice(3)} $$`);

    expect(ended).toMatchObject({ status: null, signal });
  },
);

test('a COMMAND that ends by SIGUSR1 opens no debugger in this process', async () => {
  const ended = await runScript('kill -USR1 $$');

  expect(ended).toMatchObject({ status: 138, signal: null });
  expect(ended.stderr).not.toContain('Debugger');
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
  '%s is passed on to COMMAND, which decides what comes of it',
  async (signal) => {
    const script = `trap 'echo caught; exit 7' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;

    const ended = await runScript(script, (child) => whenSaid(child, 'ready', () => child.kill(signal)));

    expect(ended).toMatchObject({ status: 7, stdout: 'ready\ncaught\n' });
    expect(ended.stderr).not.toContain('Debugger');
  },
);

test('a signal to the process and to its group, as timeout(1) sends it, is one signal to COMMAND', async () => {
  const script = `n=0; trap 'n=$((n + 1))' INT; echo ready
while [ "$n" -eq 0 ]; do sleep 0.05; done; sleep 0.5; echo "$n"`;

  const ended = await runScript(script, (child) =>
    whenSaid(child, 'ready', () => {
      child.kill('SIGINT');
      setImmediate(() => child.kill('SIGINT'));
    }),
  );

  expect(ended.stdout).toBe('ready\n1\n');
});

test('stdin, stdout and stderr are those of the job', async () => {
  const ended = await run(
    [process.execPath, stored.program, 'genesys', '--', 'sh', '-c', 'cat; echo error >&2'],
    { env: { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE' }, input: 'from stdin' },
  );

  expect(ended).toMatchObject({ status: 0, stdout: 'from stdin' });
  expect(ended.stderr).toContain('error\n');
});

test('processes that COMMAND leaves behind have ended before the port closes', async () => {
  const leftBehind = leave(
    `trap 'curl --silent --output /dev/null --write-out "%{http_code}" "$OAUTH_TOKEN_URL"; exit' TERM`,
  );

  const ended = await runScript(`${leftBehind}; echo "$OAUTH_TOKEN_URL"; exit 5`);

  expect(ended.status).toBe(5);
  // GET is no token request: the port still answered.
  const [url, statusOfLastCall] = ended.stdout.split('\n') as [string, string];
  expect(statusOfLastCall).toBe('405');
  const [error] = await once(connect(Number(new URL(url).port), '127.0.0.1'), 'error');
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
});

test('a process that ignores SIGTERM is killed', async () => {
  const ended = await runScript(`${leave("trap '' TERM")}; echo "$!"; exit 0`);

  expect(ended.status).toBe(0);
  expect(spawnSync('kill', ['-0', ended.stdout.trim()]).status).not.toBe(0);
}, 60_000);

/** A shell script that leaves a process behind, which goes on for ever, once that has run `preparation`. */
function leave(preparation: string): string {
  const isReady = join(stored.directory, 'is-ready');
  return `(${preparation}; : >'${isReady}'; while :; do sleep 0.05; done) & until [ -e '${isReady}' ]; do sleep 0.05; done`;
}

test.each([
  [['/nowhere/command'], 127, 'ENOENT'],
  [['/etc/passwd'], 126, 'EACCES'],
])('a COMMAND that cannot be run ends as in a shell: %j', async (command, status, code) => {
  const ended = await run([process.execPath, stored.program, 'genesys', '--', ...command], {
    env: { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE' },
  });

  expect(ended.status).toBe(status);
  expect(ended.stderr).toContain(code);
});

test.each([2, 4, 5])('without a first token COMMAND is not run, and the status is %d', async (status) => {
  stored.fail(status);

  const ended = await runScript('echo ran');

  expect(ended).toMatchObject({ status, stdout: '' });
  expect(ended.stderr).toContain('COMMAND was not run');
});

test("COMMAND's environment is the job's with the three variables, and nothing that this program uses itself", async () => {
  const env = { FOO: 'a b\nc', GENESYSCLOUD_ACCESS_TOKEN: 'kept', GENESYSCLOUD_REGION: 'us-east-1' };

  const ended = await runScript('env -0', undefined, env);

  const seen = Object.fromEntries(
    ended.stdout.split('\0').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]),
  );
  const { PWD, _, SHLVL, OLDPWD, '': __, ...rest } = seen;
  expect(rest).toEqual({
    PATH: process.env.PATH,
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    ...env,
    OAUTH_TOKEN_URL: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/oauth\/token$/),
    OAUTH_CLIENT_ID: expect.stringMatching(/^[0-9a-f]{32}$/),
    OAUTH_CLIENT_SECRET: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test('as a gateway it sets CX as Code’s variables, and removes a token that CX as Code would prefer', async () => {
  const ended = await run(
    [process.execPath, stored.program, 'genesys', '--genesys-region=eu-central-1', '--', 'env'],
    {
      env: {
        PATH: process.env.PATH,
        AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
        GENESYSCLOUD_ACCESS_TOKEN: 'past',
        HTTP_PROXY: 'http://proxy.example:3128',
        NO_PROXY: 'internal.example',
      },
    },
  );

  const seen = Object.fromEntries(
    ended.stdout.split('\n').map((line) => line.split('=', 2) as [string, string]),
  );
  expect(seen).toMatchObject({
    GENESYSCLOUD_REGION: 'eu-central-1',
    GENESYSCLOUD_GATEWAY_HOST: '127.0.0.1',
    GENESYSCLOUD_GATEWAY_PORT: new URL(seen.OAUTH_TOKEN_URL as string).port,
    GENESYSCLOUD_GATEWAY_PROTOCOL: 'http',
    GENESYSCLOUD_OAUTHCLIENT_ID: seen.OAUTH_CLIENT_ID,
    GENESYSCLOUD_OAUTHCLIENT_SECRET: seen.OAUTH_CLIENT_SECRET,
    NO_PROXY: 'internal.example,127.0.0.1',
    no_proxy: 'internal.example,127.0.0.1',
  });
  expect(seen).not.toHaveProperty('GENESYSCLOUD_ACCESS_TOKEN');
});
