import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expectContract } from '../support/contract-file.ts';
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
writeFileSync(join(commands, 'aws'), '#!/bin/sh\nexit 253\n');
chmodSync(join(commands, 'aws'), 0o755);
const stored = createStoredToken('a-token');

afterAll(() => {
  rmSync(commands, { recursive: true });
  stored.remove();
});

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
