import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { loadedAwsCli } from '../../../local/aws-cli/loaded-aws-cli.ts';

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
  installCommand(
    directory,
    'aws',
    `exec ${loadedAwsCli(cli.path).join(' ')} "$@" --endpoint-url ${endpointUrl}`,
  );
  return directory;
}

/** Writes a line of shell as a command into a directory of PATH. */
export function installCommand(directory: string, name: string, script: string): void {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}
