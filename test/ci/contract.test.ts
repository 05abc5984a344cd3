import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectContract } from '../support/contract-file.ts';
import { installCommand } from './support/aws-cli.ts';
import { accountContent, installStandIn, SCRIPT } from './support/aws-stand-in.ts';
import { createStoredToken, GATEWAY, startJob } from './token-endpoint/support/job.ts';

const VERBS = ['get', 'exec', 'status', 'doctor'];
const OPTIONS = [
  '--min-ttl=45m',
  '--not-version=42',
  '--env=VAR',
  '--best-effort',
  '--no-mask',
  '--prefix=/ci',
  '--function=refresher',
  '--profile=ci',
  '--json',
];
const MISUSED = 2;
// There is no AWS CLI: whatever is no usage error ends with another status.
const commands = mkdtempSync(join(tmpdir(), 'no-aws-'));
installCommand(commands, 'cat', 'exec /bin/cat');
const stored = createStoredToken('a-token');

/** Runs a file with this machine's `sh`. */
function sh(file: string, ...args: string[]) {
  return spawnSync('/bin/sh', [file, ...args], { encoding: 'utf8', env: { PATH: commands } });
}

const accessToken = (...args: string[]) => sh(SCRIPT, ...args);

/** The options that a verb takes. */
function optionsOf(verb: string): string[] {
  const command = verb === 'exec' ? ['--', 'true'] : [];
  const isTaken = (option: string) => accessToken(verb, 'genesys', option, ...command).status !== MISUSED;
  return OPTIONS.filter(isTaken).map((option) => option.replace(/=.*/, ''));
}

/** The variables whose value the script uses. Credentials are the AWS CLI's own matter. */
function environmentRead(): string[] {
  const script = readFileSync(SCRIPT, 'utf8');
  return [...new Set([...script.matchAll(/\$\{?([A-Z][A-Z0-9_]+)/g)].map(([, name = '']) => name))].sort();
}

test('the verbs, the options and the environment of access-token are those that a version promises', () => {
  const help = accessToken('get', '--help').stdout.trimEnd().split('\n');
  const contract = {
    help,
    options: Object.fromEntries(VERBS.map((verb) => [verb, optionsOf(verb)])),
    environment: environmentRead(),
  };

  expectContract('access-token.json', `${JSON.stringify(contract, null, 2)}\n`);
  // One screen.
  expect(help.length).toBeLessThanOrEqual(23);
  expect(Math.max(...help.map((line) => line.length))).toBeLessThanOrEqual(80);
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
  [['get', 'genesys', '--min-ttl', ''], "'' is not a duration"],
  [['get', 'genesys', '--min-ttl', '0'], "'0' is not between 1s and 48h"],
  [['get', 'genesys', '--min-ttl', '49h'], "'49h' is not between 1s and 48h"],
  [['get', 'genesys', '--prefix', 'ci'], "'ci' is not a path"],
  [['get', 'genesys', '--prefix', '/c i'], 'characters that a parameter name cannot have'],
  [['exec', 'genesys', '--best-effort=false', '--', 'ls'], '--best-effort takes no value'],
  [['get', 'genesys', '--not-version', 'x[$(id)]'], "'x[$(id)]' is not the version of a token"],
  [['get', 'genesys', '--not-version', '042'], "'042' is not the version of a token"],
  [['get', 'genesys', '--function', '--x'], "'--x' is not the name or ARN of a function"],
  [['get', 'genesys', '--profile', '--'], "'--' is not the name of a profile"],
  [['get', 'genesys', '--', 'ls'], 'get takes no command'],
  [['exec', 'genesys'], 'exec needs -- and a command'],
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

test('a copy with CRLF line ends, and a missing AWS CLI, say so', () => {
  const copy = join(commands, 'access-token');
  writeFileSync(copy, readFileSync(SCRIPT, 'utf8').replaceAll('\n', '\r\n'));

  const crlf = sh(copy, 'get', 'genesys');
  const missing = accessToken('get', 'genesys');

  expect(crlf).toMatchObject({ status: 2, stderr: expect.stringContaining('CRLF line ends') });
  expect(missing).toMatchObject({ status: 5, stderr: expect.stringContaining('AWS CLI is not installed') });
});

/** A COMMAND that `exec` ran ends with a status that `access-token` does not have. */
const COMMAND_STATUS = 42;
const COMMAND = ['--', 'sh', '-c', `exit ${COMMAND_STATUS}`];
const CALLS = {
  get: ['get'],
  'get --min-ttl 45m': ['get', '--min-ttl', '45m'],
  'get --min-ttl 45m --json': ['get', '--min-ttl', '45m', '--json'],
  'exec --min-ttl 45m -- COMMAND': ['exec', '--min-ttl', '45m', ...COMMAND],
  'exec --min-ttl 45m --best-effort -- COMMAND': ['exec', '--min-ttl', '45m', '--best-effort', ...COMMAND],
  status: ['status'],
  doctor: ['doctor'],
};
const CANNOT_MINT = {
  payload: '{"errorType":"TOKEN_REJECTED","errorMessage":"The server refused the client."}',
  functionError: 'Unhandled',
} as const;
const NONE = { token: null, version: null, status: null };
const SITUATIONS = {
  'a token with an hour of life': accountContent({}, 3600),
  'a token with ten minutes of life, and the refresher has no better one': accountContent({}, 600),
  'a token that has expired, and the refresher cannot mint': accountContent(CANNOT_MINT, -60),
  'no parameter, and the refresher cannot mint': accountContent({ ...CANNOT_MINT, ...NONE }),
  'AWS refuses the reading': accountContent({
    readError: { code: 'AccessDeniedException', message: 'You may not.' },
  }),
};

test('the exit statuses of access-token are those that a version promises', async () => {
  const standIn = installStandIn();
  const contract: Record<string, Record<string, number | string | null>> = {};

  for (const [situation, account] of Object.entries(SITUATIONS)) {
    const statuses: (typeof contract)[string] = {};
    for (const [text, [verb = '', ...options]] of Object.entries(CALLS)) {
      standIn.serve(account);
      const { status } = await standIn.job([verb, 'genesys', ...options]);
      statuses[text] = status === COMMAND_STATUS ? "COMMAND's" : status;
    }
    contract[situation] = statuses;
  }

  expectContract('access-token-exit-statuses.json', `${JSON.stringify(contract, null, 2)}\n`);
}, 30_000);

/** What COMMAND finds in its environment beside the caller's. */
async function environmentOfCommand(args: readonly string[]): Promise<Record<string, string>> {
  const { end, env, port } = await startJob(stored, args);
  await end();
  const given = Object.entries(env)
    .filter(([name]) => /^(OAUTH|GENESYSCLOUD)_/.test(name))
    .sort();
  return Object.fromEntries(
    given.map(([name, value]) => [
      name,
      /_(ID|SECRET)$/.test(name) ? 'good for this job only' : value.replace(String(port), 'PORT'),
    ]),
  );
}

test('the options and the environment of token-endpoint are those that a version promises', async () => {
  const contract = {
    help: spawnSync(process.execPath, [stored.program, '--help'], { encoding: 'utf8' })
      .stdout.trimEnd()
      .split('\n'),
    environmentOfCommand: {
      'without a region': await environmentOfCommand(['genesys']),
      'with a region': await environmentOfCommand(GATEWAY),
    },
  };

  expectContract('token-endpoint.json', `${JSON.stringify(contract, null, 2)}\n`);
});
