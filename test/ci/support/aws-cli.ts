import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const SUPPORT = join(process.cwd(), 'test/ci/support');

/** An installed AWS CLI. */
export interface AwsCli {
  readonly version: 'v1' | 'v2';
  readonly path: string;
}

/**
 * Finds one AWS CLI of each major version that the machine has: the one of `.ci/install-shell-tools.sh`, then PATH.
 *
 * @throws Error when there is none
 */
export function findAwsClis(): readonly AwsCli[] {
  const found = new Map<AwsCli['version'], AwsCli>();
  const directories = [
    join(process.cwd(), '.venv/shell-tools/bin'),
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/local/bin',
    '/usr/bin',
  ];
  for (const directory of directories) {
    const path = join(directory, 'aws');
    if (found.size === 2 || !existsSync(path)) continue;
    const major = /^aws-cli\/([12])\./.exec(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout)?.[1];
    if (major === undefined) continue;
    const version = major === '1' ? 'v1' : 'v2';
    if (!found.has(version)) found.set(version, { version, path });
  }
  if (found.size === 0) throw new Error('There is no AWS CLI. Run .ci/install-shell-tools.sh first.');
  return [...found.values()].sort((a, b) => a.version.localeCompare(b.version));
}

/**
 * Makes a directory for PATH whose `aws` speaks to the endpoint. AWS CLI v2 before 2.13 does not know
 * AWS_ENDPOINT_URL, hence the option.
 */
export function installAwsCommand(cli: AwsCli, endpointUrl: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'aws-command-'));
  installCommand(directory, 'aws', `exec ${loadedCommand(cli)} "$@" --endpoint-url ${endpointUrl}`);
  return directory;
}

const loaded = new Map<string, string>();

/**
 * The command that runs this CLI in a process that has it loaded (see aws-cli-server.py), which saves most of a second
 * for each call. A CLI that is not Python's own file, such as AWS's installer gives, is run as it is.
 */
function loadedCommand({ path }: AwsCli): string {
  const known = loaded.get(path);
  if (known !== undefined) return known;
  const interpreter = /^#!(\S*python\S*)\n/.exec(readFileSync(path, 'latin1').slice(0, 200))?.[1];
  if (interpreter === undefined || spawnSync(interpreter, ['-c', 'import awscli']).status !== 0) {
    loaded.set(path, path);
    return path;
  }
  const socket = join(mkdtempSync(join(tmpdir(), 'aws-cli-')), 'socket');
  // It ends when this process does, because its standard input does.
  const server = spawn(interpreter, [join(SUPPORT, 'aws-cli-server.py'), socket], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  server.unref();
  (server.stdin as Socket).unref();
  const command = `${interpreter} -I -S ${join(SUPPORT, 'aws-cli-client.py')} ${socket}`;
  loaded.set(path, command);
  return command;
}

/** Puts a command made of a line of shell into a directory of PATH. */
export function installCommand(directory: string, name: string, script: string): void {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}
