import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { InvocationOutcome } from '../../../local/aws/lambda.ts';
import type { PolicyDocument } from '../../../local/aws/operation.ts';
import { type Account, openAccount } from '../../../local/harness.ts';
import { LOCAL_PLACE } from '../../../local/template-resolver.ts';
import { type AwsCli, installAwsCommand } from './aws-cli.ts';
import { type Ended, type RunOptions, run } from './process.ts';

export const SCRIPT = resolve('ci/access-token');

/** The characters of a token that are special in shells, sed, JSON and URLs. Also a canary. */
export const AWKWARD_TOKEN = `canary-%0A%25"'\`$(x)\${y}\\n&*!#;|<>~ {}[]^=, end`;

function statement(Effect: 'Allow' | 'Deny', Action: string | string[], Resource: string | string[]) {
  return { Version: '2012-10-17', Statement: [{ Effect, Action, Resource }] };
}

const { region, accountId } = LOCAL_PLACE;
const parameter = `arn:aws:ssm:${region}:${accountId}:parameter/ci/genesys`;

/** The permissions of `grantRead` and of `grantRefresh`. */
export const READ: PolicyDocument = statement(
  'Allow',
  ['ssm:GetParameter', 'ssm:GetParameters'],
  [`${parameter}/access-token`, `${parameter}/token-status`],
);
export const REFRESH: PolicyDocument = statement(
  'Allow',
  'lambda:InvokeFunction',
  `arn:aws:lambda:${region}:${accountId}:function:token-refresher-ci-genesys`,
);
export const EVERY_PERMISSION: PolicyDocument = statement('Allow', '*', '*');
export const NO_KEY: PolicyDocument = statement('Deny', 'kms:*', '*');

/** An account with the token `genesys`, and jobs that read it with the real script and the real AWS CLI. */
export interface Reader extends Account {
  /** HOME, TMPDIR and the working directory of the jobs. */
  readonly home: string;
  /** Environment of a job whose role has these policies: by default those of both grants. */
  environment(policies?: readonly PolicyDocument[]): Record<string, string>;
  /** Registers a function that answers like this. */
  refresher(invoke: (event: unknown) => InvocationOutcome, name?: string): void;
  /** Runs `access-token` in a job. */
  job(args: readonly string[], options?: JobOptions): Promise<Ended>;
}

export interface JobOptions extends RunOptions {
  readonly policies?: readonly PolicyDocument[];
  /** The shell and its options. @default sh */
  readonly shell?: readonly string[];
}

/** Opens an account that is read with this CLI. */
export async function openReader(cli: AwsCli): Promise<Reader> {
  const account = await openAccount({ tokenName: 'genesys' });
  const commands = installAwsCommand(cli, account.aws.url);
  const home = mkdtempSync(join(tmpdir(), 'job-'));
  const reader: Reader = {
    ...account,
    home,
    environment: (policies = [READ, REFRESH]) => ({
      ...account.jobEnvironment(policies),
      PATH: `${commands}:${process.env.PATH}`,
      HOME: home,
      TMPDIR: home,
    }),
    refresher(invoke, name = 'token-refresher-ci-genesys') {
      account.aws.lambda.register({ name, concurrency: 1, invoke: async (event) => invoke(event) });
    },
    job: (args, { policies, shell = ['sh'], env = {}, ...options } = {}) =>
      run([...shell, SCRIPT, ...args], {
        cwd: home,
        ...options,
        env: { ...reader.environment(policies), ...env },
      }),
    async close() {
      await account.close();
      for (const directory of [home, commands]) rmSync(directory, { recursive: true, force: true });
    },
  };
  return reader;
}
