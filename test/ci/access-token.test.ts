import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';

const SCRIPT = resolve('ci/access-token');

/** Runs the script with this machine's `sh` and no AWS CLI in reach. */
function accessToken(...args: string[]) {
  return spawnSync('sh', [SCRIPT, ...args], { encoding: 'utf8' });
}

/** Runs functions of the script by themselves: `body` after their definitions. */
function withFunctions(names: readonly string[], body: string): string[] {
  const script = readFileSync(SCRIPT, 'utf8');
  const definitions = names.map(
    (name) => new RegExp(`^${name}\\(\\) \\{\n[\\s\\S]*?^\\}$`, 'm').exec(script)?.[0],
  );
  const { stdout, stderr } = spawnSync('sh', ['-u'], {
    encoding: 'utf8',
    input: [...definitions, body, ''].join('\n'),
  });
  expect(stderr).toBe('');
  return stdout.split('\n').slice(0, -1);
}

test('--help answers in one screen', () => {
  const { status, stdout } = accessToken('--help');

  const lines = stdout.split('\n');
  expect(status).toBe(0);
  expect(lines.length).toBeLessThanOrEqual(24);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  for (const word of ['get', 'exec', 'status', 'doctor', '--min-ttl', '--env', '--prefix', '--function']) {
    expect(stdout).toContain(word);
  }
  expect(accessToken('get', '--help').stdout).toBe(stdout);
});

test('a field that a newer stack adds behind the others changes none of them, whatever is in it', () => {
  const status =
    '{"tokenVersion":42,"expiresAt":"2026-11-20T15:00:00.000Z","history":[{"tokenVersion":7,"expiresAt":1}]}';

  const values = withFunctions(
    ['get_field'],
    ['tokenVersion', 'expiresAt']
      .map((key) => `get_field '${status}' ${key}; printf '%s\\n' "$value"`)
      .join('\n'),
  );

  expect(values).toEqual(['42', '2026-11-20T15:00:00.000Z']);
});

test.each([
  [[], 'nothing to do'],
  [['fetch', 'genesys'], "unknown command 'fetch'"],
  [['get'], 'the name of the token is missing'],
  [['get', '/ci/genesys/access-token'], "'/ci/genesys/access-token' is not the name of a token"],
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
  [['status', 'genesys', '--not-version', '4'], "status has no option '--not-version'"],
  [['get', 'genesys', '--function', '--x'], "'--x' is not the name or ARN of a function"],
  [['get', 'genesys', '--profile', '--'], "'--' is not the name of a profile"],
  [['get', 'genesys', '--env', 'X'], "get has no option '--env'"],
  [['exec', 'genesys', '--json', '--', 'ls'], "exec has no option '--json'"],
  [['doctor', 'genesys', '--json'], "doctor has no option '--json'"],
  [['get', 'genesys', '--', 'ls'], 'get takes no command'],
  [['status', 'genesys', '--min-ttl', '5m'], "status has no option '--min-ttl'"],
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

test('a missing AWS CLI is an error that says so', () => {
  const { status, stderr } = spawnSync('/bin/sh', [SCRIPT, 'get', 'genesys'], {
    encoding: 'utf8',
    env: { PATH: '/nowhere' },
  });

  expect(stderr).toContain('the AWS CLI is not installed');
  expect(status).toBe(5);
});

test.each([
  ['90', 90],
  ['90s', 90],
  ['45m', 2700],
  ['2h', 7200],
  ['08m', 480],
  ['48h', 172_800],
])('--min-ttl %s is %d seconds', (text, seconds) => {
  expect(withFunctions(['read_duration'], `read_duration ${text}; echo "$seconds"`)).toEqual([
    String(seconds),
  ]);
});

test('ISO 8601 times are read, with leap days and leading zeros', () => {
  const times = fc.sample(
    fc.date({ min: new Date('1970-01-01'), max: new Date('2199-12-31'), noInvalidDate: true }),
    400,
  );
  times.push(
    ...['2024-02-29T23:59:59.999Z', '2026-08-09T08:09:08.089Z', '2100-03-01T00:00:00.000Z'].map(
      (t) => new Date(t),
    ),
  );

  const body = times.map((time) => `read_time ${time.toISOString()}; echo "$epoch"`).join('\n');

  expect(withFunctions(['read_time'], body)).toEqual(
    times.map((time) => String(Math.floor(time.getTime() / 1000))),
  );
});

test.each(['', 'null', '2026-11-20', '2026-11-20T15:00:00+01:00', '2026-13-40T99:00:00Z; echo x'])(
  'the time %j is none',
  (text) => {
    expect(withFunctions(['read_time'], `read_time '${text}'; echo "$epoch"`)).toEqual(['0']);
  },
);

test.each([
  [95, '95 s'],
  [119, '119 s'],
  [2850, '47 min'],
  [7199, '119 min'],
  [85_800, '23 h 50 min'],
])('%d seconds left read as "%s"', (seconds, text) => {
  expect(withFunctions(['duration_text'], `duration_text ${seconds}`)).toEqual([text]);
});
