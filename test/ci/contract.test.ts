import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expectContract } from '../support/contract-file.ts';
import { installCommand } from './support/aws-cli.ts';
import { accountContent, installStandIn } from './support/aws-stand-in.ts';
import { createStoredToken, GATEWAY, startJob } from './token-endpoint/support/job.ts';

const ACCESS_TOKEN = resolve('ci/access-token');
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
const MISUSES = [
  [],
  ['get'],
  ['fetch', 'genesys'],
  ['get', 'genesys', '--unknown'],
  ['exec', 'genesys', 'true'],
];

// An AWS CLI that is out of reach: whatever is no usage error ends with another status.
const commands = mkdtempSync(join(tmpdir(), 'no-aws-'));
installCommand(commands, 'aws', 'exit 253');
const stored = createStoredToken('a-token');

function statusOf(args: readonly string[]): number | null {
  const env = { PATH: `${commands}:${process.env.PATH}` };
  return spawnSync('sh', [ACCESS_TOKEN, ...args], { env }).status;
}

/** The options that a verb takes. */
function optionsOf(verb: string): string[] {
  const command = verb === 'exec' ? ['--', 'true'] : [];
  const isTaken = (option: string) => statusOf([verb, 'genesys', option, ...command]) !== MISUSED;
  return OPTIONS.filter(isTaken).map((option) => option.replace(/=.*/, ''));
}

function linesOf(program: readonly string[]): string[] {
  const [name = '', ...args] = program;
  return spawnSync(name, args, { encoding: 'utf8' }).stdout.trimEnd().split('\n');
}

/** The variables whose value the script uses. Credentials are the AWS CLI's own matter. */
function environmentRead(): string[] {
  const script = readFileSync(ACCESS_TOKEN, 'utf8');
  return [...new Set([...script.matchAll(/\$\{?([A-Z][A-Z0-9_]+)/g)].map(([, name = '']) => name))].sort();
}

test('the verbs, the options and the environment of access-token are those that a version promises', () => {
  const contract = {
    help: linesOf(['sh', ACCESS_TOKEN, '--help']),
    options: Object.fromEntries(VERBS.map((verb) => [verb, optionsOf(verb)])),
    environment: environmentRead(),
    misuse: Object.fromEntries(MISUSES.map((args) => [args.join(' '), statusOf(args)])),
  };

  expectContract('access-token.json', `${JSON.stringify(contract, null, 2)}\n`);
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
    help: linesOf([process.execPath, stored.program, '--help']),
    environmentOfCommand: {
      'without a region': await environmentOfCommand(['genesys']),
      'with a region': await environmentOfCommand(GATEWAY),
    },
  };

  expectContract('token-endpoint.json', `${JSON.stringify(contract, null, 2)}\n`);
});
