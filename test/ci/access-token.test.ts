import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const SCRIPT = resolve('ci/access-token');

/** Runs the script with this machine's `sh` and no AWS CLI in reach. */
function accessToken(...args: string[]) {
  return spawnSync('sh', [SCRIPT, ...args], { encoding: 'utf8' });
}

test('--help answers in one screen', () => {
  const { status, stdout } = accessToken('--help');

  const lines = stdout.split('\n');
  expect(status).toBe(0);
  expect(lines.length).toBeLessThanOrEqual(24);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(accessToken('get', '--help').stdout).toBe(stdout);
});

test.each([
  [[], 'nothing to do'],
  [['fetch', 'genesys'], "unknown command 'fetch'"],
  [['get'], 'the name of the token is missing'],
  [['get', '/ci/genesys/access-token'], 'NAME is genesys: access-token get genesys\n'],
  [
    ['status', '/team/a/genesys/token-status'],
    'NAME is genesys: access-token status genesys --prefix /team/a\n',
  ],
  [['get', '/genesys/access-token'], "'/genesys/access-token' is not the name of a token"],
  [['get', 'genesys', 'cxone'], "unexpected 'cxone'"],
  [['get', 'genesys', '--ttl', '5'], "get has no option '--ttl'"],
  [['get', 'genesys', '--min-ttl'], '--min-ttl needs a value'],
  [['get', 'genesys', '--min-ttl', '45min'], "'45min' is not a duration"],
  [['get', 'genesys', '--min-ttl', '1.5h'], "'1.5h' is not a duration"],
  [['get', 'genesys', '--min-ttl', ''], "'' is not a duration"],
  [['get', 'genesys', '--min-ttl', '0'], "'0' is not between 1s and 48h"],
  [['get', 'genesys', '--min-ttl', '49h'], "'49h' is not between 1s and 48h"],
  [['get', 'genesys', '--prefix', 'ci'], "'ci' is not a path"],
  [['get', 'genesys', '--prefix', '/'], "'' is not a path"],
  [['get', 'genesys', '--prefix', '/c i'], 'characters that a parameter name cannot have'],
  [['exec', 'genesys', '--best-effort=false', '--', 'ls'], '--best-effort takes no value'],
  [['get', 'genesys', '--no-mask=yes'], '--no-mask takes no value'],
  [['get', 'genesys', '--not-version', 'x[$(id)]'], "'x[$(id)]' is not the version of a token"],
  [['get', 'genesys', '--not-version', '042'], "'042' is not the version of a token"],
  [['get', 'genesys', '--function', '--x'], "'--x' is not the name or ARN of a function"],
  [['get', 'genesys', '--profile', '--'], "'--' is not the name of a profile"],
  [['get', 'genesys', '--', 'ls'], 'get takes no command'],
  [['exec', 'genesys'], 'exec needs -- and a command'],
  [['exec', 'genesys', '--'], 'exec needs -- and a command'],
  [['exec', 'genesys', 'terraform', '--', 'x'], 'a command follows --'],
  [['exec', 'genesys', '--env', '1X', '--', 'ls'], "'1X' is not the name of an environment variable"],
  [['exec', 'genesys', '--env', 'A-B', '--', 'ls'], "'A-B' is not the name of an environment variable"],
])('%j is a usage error', (args, message) => {
  const { status, stdout, stderr } = accessToken(...args);

  expect(stderr).toContain(message);
  expect(stdout).toBe('');
  expect(status).toBe(2);
});

test('--version is that of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

  expect(accessToken('--version').stdout).toBe(`access-token ${version}\n`);
});

test('a copy with CRLF line ends says so', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crlf-'));
  const copy = join(directory, 'access-token');
  writeFileSync(copy, readFileSync(SCRIPT, 'utf8').replaceAll('\n', '\r\n'));

  const ended = ['dash', 'bash'].map((shell) =>
    spawnSync(shell, [copy, 'get', 'genesys'], { encoding: 'utf8' }),
  );

  for (const { error, status, stderr } of ended)
    if (error === undefined) expect([status, stderr]).toEqual([2, expect.stringContaining('CRLF line ends')]);
});

test('a missing AWS CLI is an error that says so', () => {
  const { status, stderr } = spawnSync('/bin/sh', [SCRIPT, 'get', 'genesys'], {
    encoding: 'utf8',
    env: { PATH: '/nowhere' },
  });

  expect(stderr).toContain('the AWS CLI is not installed');
  expect(status).toBe(5);
});
