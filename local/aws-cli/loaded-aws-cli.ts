import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const loaded = new Map<string, readonly string[]>();

/**
 * The command, as words, that runs this AWS CLI in a process that has it loaded (`server.py`), which saves most of a
 * second for each call. A CLI that is not Python's own file, such as AWS's installer gives, is run as it is.
 *
 * @param path the CLI's file
 * @param services whose models it reads beforehand, beside those that `ci/access-token` calls
 */
export function loadedAwsCli(path: string, services: readonly string[] = []): readonly string[] {
  const known = loaded.get(path);
  if (known !== undefined) return known;
  const command = load(path, services);
  loaded.set(path, command);
  return command;
}

function load(path: string, services: readonly string[]): readonly string[] {
  const interpreter = /^#!(\S*python\S*)\n/.exec(readFileSync(path, 'latin1').slice(0, 200))?.[1];
  if (interpreter === undefined || spawnSync(interpreter, ['-c', 'import awscli']).status !== 0)
    return [path];
  const directory = mkdtempSync(join(tmpdir(), 'aws-cli-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const socket = join(directory, 'socket');
  // It ends when this process does, because its standard input does.
  const server = spawn(interpreter, [join(import.meta.dirname, 'server.py'), socket, ...services], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  server.unref();
  (server.stdin as Socket).unref();
  return [interpreter, '-I', '-S', join(import.meta.dirname, 'client.py'), socket];
}
