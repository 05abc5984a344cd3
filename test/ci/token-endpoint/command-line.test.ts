import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTokenEndpoint } from '../../../ci/build-token-endpoint.ts';
import { run } from '../support/process.ts';
import { createStoredToken, GATEWAY, runJob, type StoredToken } from './support/job.ts';

let stored: StoredToken;

beforeEach(() => {
  stored = createStoredToken('canary-token');
});

afterEach(() => stored.remove());

test('the committed file is what `npm run update` makes', async () => {
  const committed = readFileSync('ci/token-endpoint.mjs', 'utf8');

  const built = await buildTokenEndpoint();

  expect(built === committed ? 'the same' : 'Run `npm run update` and look at what it changed.').toBe(
    'the same',
  );
});

test.each([
  [[], 'the name of the token is missing'],
  [['genesys'], '-- and a command are missing'],
  [['genesys', '--'], '-- and a command are missing'],
  [['--', 'true'], 'the name of the token is missing'],
  [['genesys', 'terraform', '--', 'apply'], "unexpected 'terraform': a command follows --"],
  [['genesys', '--min-tll', '5m', '--', 'true'], "Unknown option '--min-tll'\n"],
  [['genesys', '--min-ttl', '--', 'true'], "Option '--min-ttl <value>' argument missing"],
  [['a,,b', '--', 'true'], "'a,,b' has an empty name"],
  [['a,b,a', '--', 'true'], "'a,b,a' has a name twice"],
  [['a,b', '--function', 'f', '--', 'true'], '--function names the refresher of one token'],
  [['genesys', '--own-bearer', '--', 'true'], '--own-bearer needs --genesys-region'],
  [['genesys', '--min-ttl', '5min', '--', 'true'], "--min-ttl '5min' is not a duration"],
  [['genesys', '--min-ttl=', '--', 'true'], "--min-ttl '' is not a duration"],
  [['genesys', '--min-ttl', '0', '--', 'true'], "--min-ttl '0' is not between 1s and 48h"],
  [['genesys', '--genesys-region', 'eu', '--', 'true'], "'eu' is not a region of Genesys Cloud"],
  [['genesys', '--genesys-region', 'toString', '--', 'true'], "'toString' is not a region of Genesys Cloud"],
  [[...GATEWAY, '--', 'true'], "--genesys-region is eu-central-1, but GENESYSCLOUD_REGION is 'us-east-1'"],
])('%j is a usage error', async (args, message) => {
  const env = { PATH: process.env.PATH, GENESYSCLOUD_REGION: 'us-east-1' };

  const { status, stdout, stderr } = await run([process.execPath, stored.program, ...args], { env });

  expect(stderr).toContain(message);
  expect(stderr).not.toContain('    at ');
  expect([status, stdout]).toEqual([2, '']);
  expect(stored.reads()).toEqual([]);
});

test.each(['12.17.0', '19.9.0'])('Node.js %s is refused before COMMAND runs', async (version) => {
  const preload = `--import=data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`;

  const ended = await runJob(stored, ['echo', 'ran'], { env: { NODE_OPTIONS: preload } });

  expect(ended).toMatchObject({ status: 2, stdout: '' });
  expect(ended.stderr).toContain(`this is Node.js ${version}; Node.js 20 or later is needed`);
  expect(stored.reads()).toEqual([]);
});

test('an older Node.js parses the file as far as that', async () => {
  const code = await buildTokenEndpoint();

  expect(code).not.toMatch(/\?\?|\?\.[a-z[(]/);
  expect(code.match(/^import .*/gm)).toEqual(['import { createRequire } from "module";']);
});

test('options for access-token are passed on to it, COMMAND is not', async () => {
  const options = '--function f --profile p --no-mask --min-ttl 90s'.split(' ');
  const args = ['--prefix=/team/ci', 'cxone', ...options];

  const { status } = await runJob(stored, ['true', '--prefix', '/x'], { args });

  expect(status).toBe(0);
  expect(stored.reads()).toEqual([
    'get cxone --min-ttl 90s --prefix /team/ci --function f --profile p --no-mask --json',
  ]);
});

test('access-token is found in PATH, and beside the file that a link leads to', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bin-'));
  const program = join(directory, 'token-endpoint');
  const PATH = `${process.env.PATH}`;
  symlinkSync(stored.program, program);

  const byLink = await runJob({ ...stored, program }, ['true']);
  rmSync(program);
  renameSync(stored.program, program);
  const byPath = await runJob({ ...stored, program }, ['true'], {
    env: { PATH: `${stored.directory}:${PATH}` },
  });
  const missing = await runJob({ ...stored, program }, ['true'], { env: { PATH } });
  rmSync(directory, { recursive: true });

  expect([byLink.status, byPath.status, missing.status]).toEqual([0, 0, 2]);
  expect(missing.stderr).toContain('access-token is neither beside this file nor in PATH');
});

test.each([
  ['refuses --json', "echo 'access-token: --json belongs to status' >&2; exit 2"],
  ['prints the token alone', 'echo canary-token'],
  ['prints JSON without an expiry', `echo '{"token":"canary-token","version":1}'`],
])('an older access-token, which %s, is to be replaced', async (_which, script) => {
  stored.answer(script);

  const { status, stdout, stderr } = await runJob(stored, ['echo', 'ran']);

  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(
    `${stored.directory}/access-token is older than this token-endpoint: copy ci/access-token`,
  );
  expect(stderr).not.toContain('canary-token');
});
