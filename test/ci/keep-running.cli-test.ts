import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAwsClis, installCommand } from './support/aws-cli.ts';
import { type Ended, run } from './support/process.ts';

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
  rmSync(directory, { recursive: true, force: true });
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

  expect(commands).toHaveLength(8);
  expect(results.filter(([, { status }]) => status !== 0)).toEqual([]);
  const [status, token, , answer, parameter] = results.map(([, { stdout }]) => stdout) as string[];
  expect(status).toMatch(/^life +\d+ (s|min) left/m);
  expect(JSON.parse(answer as string).access_token).toBe(token?.trim());
  expect(JSON.parse(parameter as string)).toMatchObject({ schemaVersion: 1, lastFailure: null });
  expect(shown).toMatch(/● minted v2 \(forced\)/);
}, 300_000);

test('faults that are typed show what comes of them, and end by `up`', async () => {
  const unavailable = await type('503');
  const down = await type('down');
  await type('up');
  const rejected = await type('wrong secret');
  const healed = await type('up');

  expect(unavailable).toContain('✗ mint failed: TOKEN_ENDPOINT_UNAVAILABLE');
  expect(down).toContain('✗ mint failed: TOKEN_ENDPOINT_UNAVAILABLE');
  expect(rejected).toContain('✗ mint failed: TOKEN_REJECTED');
  expect(healed).toMatch(/● minted v\d+ \(forced\)/);
}, 300_000);

test('an unknown command prints the known ones, and quit ends the program', async () => {
  child.stdin?.write('constructor\nquit\n');

  const [status] = await once(child, 'close');

  expect(status).toBe(0);
  expect(shown).toMatch(/There is no 'constructor'\. Type one of these/);
}, 60_000);
