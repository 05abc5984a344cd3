import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { PolicyDocument } from '../../../local/aws/operation.ts';
import { loadedAwsCli } from '../../../local/aws-cli/loaded-aws-cli.ts';
import { LOCAL_PLACE } from '../../../local/template-resolver.ts';

/** An installed AWS CLI. */
export interface AwsCli {
  readonly version: 'v1' | 'v2';
  readonly path: string;
  /** The words that run it without the time that it takes to load. */
  readonly command: readonly string[];
}

/** One AWS CLI of each major version that the machine has, v1 first: those that the global set-up has loaded. */
export function findAwsClis(): readonly AwsCli[] {
  return JSON.parse(process.env.AWS_CLIS ?? '[]');
}

/**
 * Finds the AWS CLIs, and starts a process for each that has it loaded and ends with this one. It looks where
 * `.ci/install-shell-tools.sh` installs one, then in PATH.
 *
 * @throws Error when there is none
 */
export function loadAwsClis(): readonly AwsCli[] {
  const found = new Map<AwsCli['version'], AwsCli>();
  const directories = [resolve('.venv/shell-tools/bin'), ...(process.env.PATH ?? '').split(delimiter)];
  for (const directory of directories) {
    const path = join(directory, 'aws');
    if (found.size === 2 || !existsSync(path)) continue;
    const [program = '', ...words] = loadedAwsCli(path);
    const { stdout } = spawnSync(program, [...words, '--version'], { encoding: 'utf8' });
    const major = /^aws-cli\/([12])\./.exec(stdout)?.[1];
    if (major === undefined) continue;
    const version = major === '1' ? 'v1' : 'v2';
    if (!found.has(version)) found.set(version, { version, path, command: [program, ...words] });
  }
  if (found.size === 0) throw new Error('There is no AWS CLI. Run .ci/install-shell-tools.sh first.');
  return [...found.values()].sort((a, b) => a.version.localeCompare(b.version));
}

/**
 * Puts an `aws` that speaks to the endpoint into a directory for PATH. AWS CLI v2 before 2.13 does not know AWS_ENDPOINT_URL,
 * hence the option.
 */
export function installAwsCommand(cli: AwsCli, endpointUrl: string, directory: string): void {
  installCommand(directory, 'aws', `exec ${cli.command.join(' ')} "$@" --endpoint-url ${endpointUrl}`);
}

/** Writes a line of shell as a command into a directory of PATH. */
export function installCommand(directory: string, name: string, script: string): void {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

const { region, accountId } = LOCAL_PLACE;
const parameter = `arn:aws:ssm:${region}:${accountId}:parameter/ci/genesys`;

export function policy(
  Effect: 'Allow' | 'Deny',
  Action: string | string[],
  Resource: string | string[] = '*',
): PolicyDocument {
  return { Version: '2012-10-17', Statement: [{ Effect, Action, Resource }] };
}

/** The permissions of `grantRead` and of `grantRefresh`. */
export const READ = policy(
  'Allow',
  ['ssm:GetParameter', 'ssm:GetParameters'],
  [`${parameter}/access-token`, `${parameter}/token-status`],
);
export const REFRESH = policy(
  'Allow',
  'lambda:InvokeFunction',
  `arn:aws:lambda:${region}:${accountId}:function:token-refresher-ci-genesys`,
);
