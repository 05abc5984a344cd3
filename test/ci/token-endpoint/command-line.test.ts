import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildTokenEndpoint } from '../../../ci/build-token-endpoint.ts';
import { createStoredTokenDirectory, type StoredTokenDirectory } from './support/stored-token.ts';

let stored: StoredTokenDirectory;

beforeEach(() => {
  stored = createStoredTokenDirectory();
  stored.store('canary-token');
});

afterEach(() => stored.remove());

function tokenEndpoint(args: readonly string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [stored.program, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', ...env },
  });
}

test('the committed file is what `npm run update` makes', async () => {
  const committed = readFileSync(resolve('ci/token-endpoint.mjs'), 'utf8');

  const built = await buildTokenEndpoint();

  expect(built === committed ? 'the same' : 'Run `npm run update` and look at what it changed.').toBe(
    'the same',
  );
});

test("the built file imports Node.js's own modules alone", () => {
  const imports = [
    ...readFileSync(stored.program, 'utf8').matchAll(/\bfrom "([^"]+)"|\bimport\("([^"]+)"\)/g),
  ];

  const modules = imports.map(([, name, lazy]) => name ?? lazy);

  expect(modules.length).toBeGreaterThan(5);
  expect(modules.filter((name) => !name?.startsWith('node:'))).toEqual([]);
});

test.each([['--help'], ['-h'], ['genesys', '--help']])('%j shows the usage in one screen', (...args) => {
  const { status, stdout } = tokenEndpoint(args);

  const lines = stdout.split('\n');
  expect(status).toBe(0);
  expect(lines.length).toBeLessThanOrEqual(24);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test.each([
  [[], 'the name of the token is missing'],
  [['genesys'], '-- and a command are missing'],
  [['genesys', '--'], '-- and a command are missing'],
  [['--', 'true'], 'the name of the token is missing'],
  [['genesys', 'terraform', '--', 'apply'], "unexpected 'terraform': a command follows --"],
  [['genesys', '--min-tll', '5m', '--', 'true'], "Unknown option '--min-tll'"],
  [['genesys', '--min-ttl'], "Option '--min-ttl <value>' argument missing"],
  [['genesys', '--min-ttl', '5min', '--', 'true'], "--min-ttl '5min' is not a duration"],
  [['genesys', '--min-ttl=', '--', 'true'], "--min-ttl '' is not a duration"],
  [['genesys', '--min-ttl', '0', '--', 'true'], "--min-ttl '0' is not between 1s and 48h"],
  [
    ['genesys', '--genesys-region', 'eu-central1', '--', 'true'],
    "'eu-central1' is not a region of Genesys Cloud",
  ],
  [['genesys', '--genesys-region', 'toString', '--', 'true'], "'toString' is not a region of Genesys Cloud"],
  [
    ['genesys', '--genesys-region', 'evil.example', '--', 'true'],
    "'evil.example' is not a region of Genesys Cloud",
  ],
])('%j is a usage error', (args, message) => {
  const { status, stdout, stderr } = tokenEndpoint(args);

  expect(stderr).toContain(message);
  expect(stderr).not.toContain('    at ');
  expect(stdout).toBe('');
  expect(status).toBe(2);
});

test('two different regions are an error', () => {
  const { status, stderr } = tokenEndpoint(['genesys', '--genesys-region', 'eu-central-1', '--', 'true'], {
    GENESYSCLOUD_REGION: 'us-east-1',
  });

  expect(status).toBe(2);
  expect(stderr).toContain("--genesys-region is eu-central-1, but GENESYSCLOUD_REGION is 'us-east-1'");
});

test('options for access-token are passed on to it, COMMAND is not', () => {
  const { status } = tokenEndpoint([
    '--prefix=/team/ci',
    'cxone',
    '--function',
    'f',
    '--profile',
    'p',
    '--no-mask',
    '--min-ttl',
    '90s',
    '--',
    'true',
    '--prefix',
    '/x',
  ]);

  expect(status).toBe(0);
  expect(stored.readings()).toEqual([
    'get cxone --min-ttl 90s --prefix /team/ci --function f --profile p --no-mask --json',
  ]);
});

test('a copy without access-token beside it or in PATH says what is missing', () => {
  rmSync(join(stored.directory, 'access-token'));

  const { status, stderr } = tokenEndpoint(['genesys', '--', 'true'], { PATH: '/nowhere' });

  expect(status).toBe(2);
  expect(stderr).toContain('access-token is neither beside this file nor in PATH');
});

test.each([
  ['refuses --json', "echo 'access-token: --json belongs to status' >&2; exit 2"],
  ['prints the token alone', 'echo canary-token'],
  ['prints JSON without an expiry', `echo '{"token":"canary-token","version":1}'`],
])('an older access-token, which %s, is to be replaced', (_which, script) => {
  writeFileSync(join(stored.directory, 'answer'), script);

  const { status, stderr } = tokenEndpoint(['genesys', '--', 'echo', 'ran']);

  expect(status).toBe(2);
  expect(stderr).toContain(
    `${join(stored.directory, 'access-token')} is older than this token-endpoint: copy ci/access-token`,
  );
  expect(stderr).not.toContain('canary-token');
});

test('access-token is found in PATH, and beside the file that a link leads to', () => {
  const bin = mkdtempSync(join(tmpdir(), 'bin-'));
  symlinkSync(stored.program, join(bin, 'token-endpoint'));
  const { PATH } = process.env;
  const run = (program: string, path: string) =>
    spawnSync(process.execPath, [program, 'genesys', '--', 'true'], {
      encoding: 'utf8',
      env: { PATH: path, AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE' },
    });

  const byLink = run(join(bin, 'token-endpoint'), `${PATH}`);
  renameSync(stored.program, join(bin, 'token-endpoint.mjs'));
  const byPath = run(join(bin, 'token-endpoint.mjs'), `${stored.directory}:${PATH}`);
  rmSync(bin, { recursive: true });

  expect([byLink.status, byPath.status]).toEqual([0, 0]);
});
