import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTokenEndpoint } from '../../../ci/build-token-endpoint.ts';
import { examineAwsSession } from '../../../ci/token-endpoint/aws-session.ts';
import { readCommandLine } from '../../../ci/token-endpoint/command-line.ts';
import { commandEnvironment } from '../../../ci/token-endpoint/environments.ts';
import { installCommand } from '../support/aws-cli.ts';
import { createStoredToken, GATEWAY, runJob, type StoredToken, startJob } from './support/job.ts';

let stored: StoredToken;

beforeEach(() => {
  stored = createStoredToken('canary-token');
});

/** Runs a shell script as COMMAND, and sends these signals at once when it has written `ready`. */
function runScript(script: string, signals: readonly NodeJS.Signals[] = [], env = {}) {
  return runJob(stored, ['sh', '-c', script], {
    env,
    onStart: (child) =>
      child.stdout?.on('data', (chunk) => {
        if (String(chunk).includes('ready\n')) for (const signal of signals) child.kill(signal);
      }),
  });
}

test('the committed file is what `npm run update` makes, and an older Node.js parses it as far as its refusal', async () => {
  const committed = readFileSync('ci/token-endpoint.mjs', 'utf8');

  const built = await buildTokenEndpoint();

  expect(built === committed ? 'the same' : 'Run `npm run update` and look at what it changed.').toBe(
    'the same',
  );
  expect(built).not.toMatch(/\?\?|\?\.[a-z[(]/);
  expect(built.match(/^import .*/gm)).toEqual(['import { createRequire } from "module";']);
});

test.each([
  [[], 'the name of the token is missing'],
  [['genesys'], '-- and a command are missing'],
  [['genesys', '--'], '-- and a command are missing'],
  [['genesys', 'terraform', '--', 'apply'], "unexpected 'terraform': a command follows --"],
  [['genesys', '--min-tll', '5m', '--', 'true'], "Unknown option '--min-tll'"],
  [['a,,b', '--', 'true'], "'a,,b' has an empty name"],
  [['a,b,a', '--', 'true'], "'a,b,a' has a name twice"],
  [['a,b', '--function', 'f', '--', 'true'], '--function names the refresher of one token'],
  [['genesys', '--own-bearer', '--', 'true'], '--own-bearer needs --genesys-region'],
  [['genesys', '--min-ttl', '5min', '--', 'true'], "--min-ttl '5min' is not a duration"],
  [['genesys', '--min-ttl', '0', '--', 'true'], "--min-ttl '0' is not between 1s and 48h"],
  [['genesys', '--genesys-region', 'toString', '--', 'true'], "'toString' is not a region of Genesys Cloud"],
  [[...GATEWAY, '--', 'true'], "--genesys-region is eu-central-1, but GENESYSCLOUD_REGION is 'us-east-1'"],
])('%j is a usage error', (args, message) => {
  expect(() => readCommandLine(args, { GENESYSCLOUD_REGION: 'us-east-1' })).toThrow(message);
});

test('a usage error ends with status 2 and one line for the person who wrote it', async () => {
  const { status, stdout, stderr } = await runJob(stored, ['true'], { args: ['--min-ttl'] });

  expect([status, stdout, stored.reads()]).toEqual([2, '', []]);
  expect(stderr).toBe(
    "token-endpoint: Option '--min-ttl <value>' argument missing\ntoken-endpoint: 'token-endpoint --help' shows the usage\n",
  );
});

test.each(['12.17.0', '19.9.0'])('Node.js %s is refused before COMMAND runs', async (version) => {
  const preload = `--import=data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`;

  const ended = await runJob(stored, ['echo', 'ran'], { env: { NODE_OPTIONS: preload } });

  expect(ended).toMatchObject({ status: 2, stdout: '' });
  expect(ended.stderr).toContain(`this is Node.js ${version}; Node.js 20 or later is needed`);
});

test('options for access-token are passed on to it, COMMAND is not', async () => {
  const options = '--function f --profile p --no-mask --min-ttl 90s'.split(' ');

  await runJob(stored, ['true', '--prefix', '/x'], { args: ['--prefix=/team/ci', 'cxone', ...options] });

  expect(stored.reads()).toEqual([
    'get cxone --min-ttl 90s --prefix /team/ci --function f --profile p --no-mask --json',
  ]);
});

test('access-token is found in PATH, and beside the file that a link leads to', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bin-'));
  const program = join(directory, 'token-endpoint');
  const PATH = `${stored.directory}:${process.env.PATH}`;
  symlinkSync(stored.program, program);

  const byLink = await runJob({ program }, ['true']);
  rmSync(program);
  renameSync(stored.program, program);
  const byPath = await runJob({ program }, ['true'], { env: { PATH } });
  const missing = await runJob({ program }, ['true']);

  expect([byLink.status, byPath.status, missing.status]).toEqual([0, 0, 2]);
  expect(missing.stderr).toContain('access-token is neither beside this file nor in PATH');
});

test.each([
  ['refuses --json', "echo 'access-token: --json belongs to status' >&2; exit 2"],
  ['prints the token alone', 'echo canary-token'],
])('an older access-token, which %s, is to be replaced', async (_which, script) => {
  stored.answer(script);

  const { status, stdout, stderr } = await runJob(stored, ['echo', 'ran']);

  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(
    `${stored.directory}/access-token is older than this token-endpoint: copy ci/access-token`,
  );
  expect(stderr).not.toContain('canary-token');
});

test.each([2, 4, 5])('without a first token COMMAND is not run, and the status is %d', async (status) => {
  stored.fail(status);

  const ended = await runScript('echo ran');

  expect(ended).toMatchObject({ status, stdout: '' });
  expect(ended.stderr).toContain('access-token: no token for a test\n');
  expect(ended.stderr).toContain('COMMAND was not run');
});

test.each([
  ['exit 42', 42, null],
  ['kill -TERM $$', null, 'SIGTERM'],
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

test('signals are passed on to COMMAND, which decides what comes of them; one to the process and to its group, as timeout(1) sends it, once', async () => {
  const signals = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGINT'] as const;
  const script = `for s in TERM HUP QUIT USR1 USR2 INT; do trap "echo SIG$s" $s; done; echo ready
n=0; while [ "$n" -lt 20 ]; do sleep 0.05; n=$((n + 1)); done; exit 7`;

  // Its timer stands still, so that a busy machine does not lie between two.
  const ended = await runScript(script, [...signals, ...signals], {
    NODE_OPTIONS: '--import=data:text/javascript,performance.now=()=>0',
  });

  expect(ended.status).toBe(7);
  expect(ended.stdout.trim().split('\n').sort()).toEqual([...signals, 'ready'].sort());
  expect(ended.stderr).not.toContain('Debugger');
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

// The ten seconds that processes have pass in half a second.
const FAST = 'const{now}=performance;performance.now=()=>20*now.call(performance)';

test('a process that ignores SIGTERM is killed; a dead one that nobody collects does not delay the end', async () => {
  const script = `${leave("trap '' TERM; exec >/dev/null 2>&1")}; echo "$!"`;
  // Its parent leaves the group, and waits for none.
  const uncollected = '(: & exec setsid sleep 20) >/dev/null 2>&1 & sleep 0.5';

  const ignoring = await runScript(script, [], { NODE_OPTIONS: `--import=data:text/javascript,${FAST}` });
  const startedAt = Date.now();
  const dead = await runScript(uncollected);

  expect([ignoring.status, dead.status]).toEqual([0, 0]);
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', ignoring.stdout.trim()], { encoding: 'utf8' });
  // Dead ones stay where PID 1 collects none.
  expect(stdout).toMatch(/^Z|^$/);
  expect(Date.now() - startedAt).toBeLessThan(10_000);
});

test('COMMAND does not outlive the program, whatever ends it, and nobody can take the port before', async () => {
  const job = await startJob(stored);
  const watchdog = Number(
    spawnSync('pgrep', ['-P', String(job.child.pid), '-f', 'read -r group'], { encoding: 'utf8' }).stdout,
  );
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
  // COMMAND holds its stdout, and its stdin stays open.
  await job.ended;
  other.close();

  expect(isTaken).toBe(false);
});

/** COMMAND's environment where the job has this one. */
function environmentOf(env: NodeJS.ProcessEnv, genesys?: { region: string; domain: string }) {
  const credentials = { clientId: 'id', clientSecret: 'secret' };
  return commandEnvironment(env, { host: '127.0.0.1', port: 1 }, credentials, genesys);
}

test.each([
  [{ NO_PROXY: 'a.example' }, 'a.example,127.0.0.1', 'a.example,127.0.0.1'],
  [{ NO_PROXY: 'a.example', no_proxy: 'b.example' }, 'a.example,127.0.0.1', 'b.example,127.0.0.1'],
  [{ NO_PROXY: '*', no_proxy: '' }, '*', '127.0.0.1'],
  [{}, '127.0.0.1', '127.0.0.1'],
])('a proxy is not used for the port: %j', (lists, upper, lower) => {
  const env = environmentOf({ http_proxy: 'http://proxy.example:3128', ...lists });

  expect([env.NO_PROXY, env.no_proxy]).toEqual([upper, lower]);
});

test("COMMAND's environment is the job's, but a token that clients would prefer to the gateway", () => {
  const env = { FOO: 'a b\nc', GENESYSCLOUD_ACCESS_TOKEN: 'past' };
  const genesys = { region: 'eu-central-1', domain: 'mypurecloud.de' };

  expect(environmentOf(env)).toMatchObject(env);
  expect(environmentOf(env, genesys)).toMatchObject({ FOO: env.FOO });
  expect(Object.values(environmentOf(env, genesys))).not.toContain('past');
});

const SESSION = { AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE', AWS_SESSION_TOKEN: 'canary-session-token' };
const EXPIRING = { ...SESSION, AWS_CREDENTIAL_EXPIRATION: '2026-11-28T15:00:00Z' };
const WEB_IDENTITY = { AWS_WEB_IDENTITY_TOKEN_FILE: '/token', AWS_ROLE_ARN: 'arn:aws:iam::1:role/ci' };
const CONTAINER = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x' };

test.each<[string, object, string | undefined, RegExp | undefined]>([
  ['an end', EXPIRING, undefined, /ends at 15:00:00Z \(in 60 min\) and cannot be renewed here/],
  ['an unknown end', SESSION, undefined, /ends at an unknown time and cannot be renewed here/],
  [
    'a hostile end',
    { ...SESSION, AWS_CREDENTIAL_EXPIRATION: '::set-env' },
    undefined,
    /ends at an unknown time and/,
  ],
  [
    'a successor',
    { ...EXPIRING, ...CONTAINER },
    undefined,
    /60 min\); after that, the job's container's role is used/,
  ],
  ["a profile's session", SESSION, 'ci', /ends at 15:00:00Z \(in 60 min\); the AWS CLI takes a new one/],
  ["a user's key", { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE' }, undefined, undefined],
  ['web identity', WEB_IDENTITY, undefined, undefined],
])("the start tells when the job's AWS session ends: %s", async (_which, variables, profile, told) => {
  installCommand(
    stored.directory,
    'aws',
    `[ "$*" = 'configure export-credentials --format process --profile ci' ] || exit 9
printf '{"SecretAccessKey":"canary-secret-key","Expiration": "2026-11-28T15:00:00+00:00"}\n'`,
  );
  const env = { PATH: `${stored.directory}:${process.env.PATH}`, ...variables };

  const { notice = '' } = await examineAwsSession({ env, profile, now: () => Date.UTC(2026, 10, 28, 14) });

  expect(notice).toMatch(told ?? /^$/);
  expect(notice).not.toMatch(/canary|set-env/);
});
