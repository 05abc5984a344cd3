import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAwsClis, installCommand } from './support/aws-cli.ts';
import { type Ended, run } from './support/process.ts';
import { commandsOf } from './support/steps.ts';

/* `npm start -- --keep-running`, by pasting what it prints. */
let path: string;
let child: ChildProcess;
let directory: string;
let shown: string;
let exports: string;
let commands: readonly string[];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'paste-'));
  installCommand(directory, 'aws', `exec ${findAwsClis()[0]?.command.join(' ')} "$@"`);
  path = `${directory}:${process.env.PATH}`;
  shown = '';
  child = spawn(process.execPath, ['local/start.ts', '--keep-running'], {
    env: { ...process.env, PATH: path },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    shown += chunk;
  });
  await untilShown(/quit +ends\n/);
  const pasted = [...shown.matchAll(/^ {2}((?:export |ci\/|aws |printf ).*)$/gm)].map(
    ([, line]) => line as string,
  );
  exports = pasted.filter((line) => line.startsWith('export ')).join('\n');
  commands = pasted.filter((line) => !line.startsWith('export '));
}, 300_000);

afterAll(async () => {
  if (child.exitCode !== null) return;
  child.kill('SIGINT');
  await once(child, 'close');
});

/** Waits until something is shown; the suite's time limit ends it. */
async function untilShown(pattern: RegExp): Promise<void> {
  while (!pattern.test(shown)) await once(child.stdout as NodeJS.ReadableStream, 'data');
}

/** Pastes into a shell that has nothing of ours in its environment. */
async function paste(command: string): Promise<Ended> {
  const { HOME } = process.env;
  // A file, as a terminal, can be opened again as /dev/stdout; a socket, which stdout would be here, cannot.
  const output = join(directory, 'output');
  const ended = await run(['sh', '-c', `${exports}\n(${command}\n) >'${output}'`], {
    env: { PATH: path, HOME },
  });
  return { ...ended, stdout: readFileSync(output, 'utf8') };
}

/** Types a word, and forces a mint when it has been done. */
async function type(word: string): Promise<string> {
  const before = shown.length;
  child.stdin?.write(`${word}\n`);
  await untilShown(new RegExp(`▶ ${word}:(?![\\s\\S]*▶)`));
  const { stdout, stderr } = await paste(commands.find((line) => line.includes('"force"')) as string);
  await untilShown(/[●✗] [^\n]*\n(?![\s\S]*▶)/);
  expect(stderr).toBe('');
  expect(stdout).not.toBe('');
  return shown.slice(before);
}

test('every command that is printed works', async () => {
  const results: [string, Ended][] = [];

  for (const command of commands) results.push([command, await paste(command)]);
  await untilShown(/↻ finishSecret: .*turn/);

  expect(commands).toHaveLength(10);
  expect(results.filter(([, { status }]) => status !== 0)).toEqual([]);
  const [status, token, , answer, parameter] = results.map(([, { stdout }]) => stdout) as string[];
  expect(status).toMatch(/^life +\d+ (s|min) left/m);
  expect(JSON.parse(answer as string).access_token).toBe(token?.trim());
  expect(JSON.parse(parameter as string)).toMatchObject({ schemaVersion: 1, lastFailure: null });
  expect(shown).toMatch(/● minted v2 \(forced\)/);
}, 300_000);

test('faults that are typed show what comes of them, and end by `up`', async () => {
  for (const [word, shows] of [
    ['503', '✗ mint failed: TOKEN_ENDPOINT_UNAVAILABLE'],
    ['down', '✗ mint failed: TOKEN_ENDPOINT_UNAVAILABLE'],
    ['up', '● minted'],
    ['wrong secret', '✗ mint failed: TOKEN_REJECTED'],
    ['up', '● minted'],
    ['deleted', '● minted v1 (forced)'],
    ['key denied', '✗ mint failed: PARAMETER_NOT_WRITTEN'],
    ['schedule off', 'nobody invokes'],
    ['clock', "behind AWS's"],
  ] as const)
    expect(await type(word)).toContain(shows);
  const { stdout: diagnosed } = await paste(commands.find((line) => line.includes('"diagnose"')) as string);

  expect(diagnosed).toContain("The function's clock is wrong. The function uses AWS's time");
  expect(diagnosed).toContain('The last token could not be stored (PARAMETER_NOT_WRITTEN)');
  expect(await type('up')).toMatch(/● minted v\d+ \(forced\)/);
}, 300_000);

test('docs/rotation.md leads to the first rotation, and the runbook ends a secret that leaked', async () => {
  const rotation = /--function-name (\S+)/.exec(commands.find((line) => line.includes('"check"')) ?? '')?.[1];
  const settings = `NAME=demo SECRET=demo/oauth-client ADMIN=demo/second-admin ROTATION=${rotation}
    sleep() { command sleep 4; }; set -e; cd '${directory}'; ln -sfn "$OLDPWD/ci" ci`;
  const read = 'aws secretsmanager get-secret-value --query SecretString --output text --secret-id';
  const { stdout: first } = await paste(`${read} demo/oauth-client`);
  const files = `${read} demo/oauth-client >client.json; ${read} demo/oauth-admin >admin.json`;
  // In the end what the last command caused is over.
  const pasteAll = (...given: Parameters<typeof commandsOf>) =>
    paste([settings, files, ...commandsOf(...given), 'sleep 1'].join('\n').replace(/^export NAME.*$/m, ''));
  const incident = (section: string) => pasteAll('docs/runbook.md', 'sh with-rotation', section);

  const page = await pasteAll('docs/rotation.md', 'sh');
  const { stdout: second } = await paste(`${read} demo/oauth-client`);
  const failing = await incident('Alarm "rotation');
  const leak = await incident('The client secret leaked');
  const { stdout: last } = await paste(`${read} demo/oauth-client`);

  expect([page, failing, leak].map(({ status, stderr }) => [status, stderr])).toEqual(Array(3).fill([0, '']));
  expect(page.stdout).toContain('ready to rotate');
  expect(page.stdout).not.toContain('AWSPENDING');
  const ids = [first, second, last].map((text) => JSON.parse(text).client_id);
  const secrets = [first, second, last].map((text) => JSON.parse(text).client_secret);
  // The client of the page, the other one, and after three more rotations the first one again.
  expect([ids[1] === ids[0], ids[2] === ids[0]]).toEqual([false, true]);
  expect(new Set(secrets).size).toBe(3);
  for (const secret of secrets) expect(shown + page.stdout + leak.stdout).not.toContain(secret);
}, 300_000);

test('an unknown command prints the known ones, and quit ends the program', async () => {
  child.stdin?.write('constructor\nquit\n');

  const [status] = await once(child, 'close');

  expect(status).toBe(0);
  expect(shown).toMatch(/There is no 'constructor'\. Type one of these/);
}, 60_000);
