import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PRELOAD } from './support/genesys-api.ts';
import { createStoredToken, GATEWAY, runJob, type StoredToken, startJob } from './support/job.ts';

let stored: StoredToken;

beforeEach(() => {
  stored = createStoredToken('canary-token');
});

afterEach(() => stored.remove());

/** Runs a shell script as COMMAND, and sends these signals, one by one, once it has written `ready`. */
function runScript(script: string, signals: NodeJS.Signals[] = [], env = {}) {
  return runJob(stored, ['sh', '-c', script], {
    env,
    onStart: (child) =>
      child.stdout?.on('data', (chunk) => {
        if (!String(chunk).includes('ready\n')) return;
        const send = () => {
          const signal = signals.shift();
          if (signal !== undefined && child.kill(signal)) setTimeout(send, 50);
        };
        send();
      }),
  });
}

test.each([
  ['exit 0', 0, null],
  ['exit 42', 42, null],
  ['kill -TERM $$', null, 'SIGTERM'],
  ['kill -KILL $$', null, 'SIGKILL'],
  ['kill -HUP $$', null, 'SIGHUP'],
  // Sent to this program itself, it would open a debugger.
  ['kill -USR1 $$', 138, null],
])('token-endpoint ends like its COMMAND: %s', async (script, status, signal) => {
  const ended = await runScript(script);

  expect(ended).toMatchObject({ status, signal });
  expect(ended.stderr).not.toContain('Debugger');
});

test.each([
  ['/nowhere/command', 127, 'ENOENT'],
  ['/etc/passwd', 126, 'EACCES'],
])('a COMMAND that cannot be run ends as in a shell: %s', async (command, status, code) => {
  const ended = await runJob(stored, [command]);

  expect(ended.status).toBe(status);
  expect(ended.stderr).toContain(`${command} cannot be run: ${code}`);
});

test.each([2, 4, 5])('without a first token COMMAND is not run, and the status is %d', async (status) => {
  stored.fail(status);

  const ended = await runScript('echo ran');

  expect(ended).toMatchObject({ status, stdout: '' });
  expect(ended.stderr).toContain('access-token: no token for a test\n');
  expect(ended.stderr).toContain('COMMAND was not run');
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
  '%s is passed on to COMMAND, which decides what comes of it',
  async (signal) => {
    const script = `trap 'echo caught; exit 7' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;

    const ended = await runScript(script, [signal]);

    expect(ended).toMatchObject({ status: 7, stdout: 'ready\ncaught\n' });
    expect(ended.stderr).not.toContain('Debugger');
  },
);

test('a signal to the process and to its group, as timeout(1) sends it, is one signal to COMMAND', async () => {
  const script = `n=0; trap 'n=$((n + 1))' INT; echo ready
while [ "$n" -eq 0 ]; do sleep 0.05; done; sleep 0.5; echo "$n"`;

  // Its timer stands still, so that a busy machine does not lie between the two.
  const ended = await runScript(script, ['SIGINT', 'SIGINT'], {
    NODE_OPTIONS: '--import=data:text/javascript,performance.now=()=>0',
  });

  expect(ended.stdout).toBe('ready\n1\n');
});

test('stdin, stdout and stderr are those of the job', async () => {
  const ended = await runJob(stored, ['sh', '-c', 'cat; echo error >&2'], { input: 'from stdin' });

  expect(ended).toMatchObject({ status: 0, stdout: 'from stdin' });
  expect(ended.stderr).toContain('error\n');
});

/** A shell script that leaves a process behind, which goes on for ever, once that has run `preparation`. */
function leave(preparation: string): string {
  const isReady = join(stored.directory, 'is-ready');
  return `(${preparation}; : >'${isReady}'; while :; do sleep 0.05; done) & until [ -e '${isReady}' ]; do sleep 0.05; done`;
}

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
  const ended = await runScript(`${leave("trap '' TERM; exec >/dev/null 2>&1")}; echo "$!"; exit 0`);

  expect(ended.status).toBe(0);
  expect(isAlive(Number(ended.stdout))).toBe(false);
}, 60_000);

/** Whether a process runs: dead ones stay where PID 1 collects none. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return /^[^Z]/.test(stdout.trim());
}

test('a dead process that nobody collects does not delay the end', async () => {
  const startedAt = Date.now();

  // Its parent leaves the group, and waits for none.
  const ended = await runScript('(: & exec setsid sleep 20) >/dev/null 2>&1 & sleep 0.5');

  expect(ended.status).toBe(0);
  expect(Date.now() - startedAt).toBeLessThan(10_000);
});

const ENDS = [
  'SIGKILL',
  'SIGABRT',
  'SIGALRM',
  'SIGXCPU',
  'SIGSEGV',
  'SIGBUS',
  'SIGVTALRM',
  'SIGSYS',
] as const;

test.each(ENDS)('COMMAND does not outlive the program that %s ends', async (signal) => {
  // No file of its memory.
  const job = await startJob(stored, ['genesys'], {}, 'ulimit -c 0');

  job.child.kill(signal);

  // COMMAND holds its stdout, and its stdin stays open.
  expect(await job.ended).toEqual([null, signal]);
});

/** The watchdog of a job. */
function watchdogOf({ child }: Awaited<ReturnType<typeof startJob>>): number {
  const { stdout } = spawnSync('pgrep', ['-P', String(child.pid), '-f', 'read -r group'], {
    encoding: 'utf8',
  });
  return Number(stdout);
}

test('nobody can take the port before COMMAND has ended', async () => {
  const job = await startJob(stored);
  const watchdog = watchdogOf(job);
  process.kill(watchdog, 'SIGSTOP');

  job.child.kill('SIGKILL');
  await once(job.child, 'exit');
  const other = createServer();
  // Rejects with its error.
  const isTaken = await once(other.listen(job.port, '127.0.0.1'), 'listening').then(
    () => true,
    () => false,
  );
  process.kill(watchdog, 'SIGCONT');
  await job.ended;
  other.close();

  expect(isTaken).toBe(false);
});

test('a watchdog that was killed is replaced', async () => {
  const job = await startJob(stored);
  const first = watchdogOf(job);
  process.kill(first, 'SIGKILL');
  while ([0, first].includes(watchdogOf(job))) await sleep(100);

  job.child.kill('SIGKILL');

  expect(await job.ended).toEqual([null, 'SIGKILL']);
});

test.each([
  [{ NO_PROXY: 'a.example' }, 'a.example,127.0.0.1', 'a.example,127.0.0.1'],
  [{ no_proxy: 'b.example' }, 'b.example,127.0.0.1', 'b.example,127.0.0.1'],
  [{ NO_PROXY: 'a.example', no_proxy: 'b.example' }, 'a.example,127.0.0.1', 'b.example,127.0.0.1'],
  [{ NO_PROXY: '*' }, '*', '*'],
  [{ NO_PROXY: 'a.example', no_proxy: '*' }, 'a.example,127.0.0.1', '*'],
  [{ NO_PROXY: 'a.example', no_proxy: '' }, 'a.example,127.0.0.1', '127.0.0.1'],
  [{}, '127.0.0.1', '127.0.0.1'],
])('a proxy is not used for the port: %j', async (lists, upper, lower) => {
  const env = { http_proxy: 'http://proxy.example:3128', ...lists };

  const ended = await runScript('echo "$NO_PROXY $no_proxy"', [], env);

  expect(ended.stdout).toBe(`${upper} ${lower}\n`);
});

const OF_THE_JOB = {
  FOO: 'a b\nc',
  GENESYSCLOUD_ACCESS_TOKEN: 'past',
  NODE_DEBUG: 'child_process,http,https,net,tls,stream',
  NODE_OPTIONS: `${PRELOAD} --inspect=127.0.0.1:0`,
};

test("COMMAND's environment is the job's, with credentials of its own", async () => {
  const endpoint = await startJob(stored, ['genesys'], OF_THE_JOB);
  const gateway = await startJob(stored, GATEWAY, OF_THE_JOB);
  await Promise.all([endpoint.end(), gateway.end()]);

  const { GENESYSCLOUD_ACCESS_TOKEN: past, ...others } = OF_THE_JOB;
  expect(endpoint.env).toMatchObject(OF_THE_JOB);
  expect(gateway.env).toMatchObject(others);
  // Clients prefer it to the gateway.
  expect(Object.values(gateway.env)).not.toContain(past);
  for (const name of ['OAUTH_TOKEN_URL', 'OAUTH_CLIENT_ID', 'OAUTH_CLIENT_SECRET']) {
    expect(gateway.env[name]).not.toBe(endpoint.env[name]);
  }
});
