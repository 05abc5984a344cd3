import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type AwsEndpoint, startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import type { Credentials } from '../../../local/aws/iam.ts';
import type { PolicyDocument } from '../../../local/aws/operation.ts';
import { type AwsCli, installAwsCommand } from './aws-cli.ts';
import { type Ended, type RunOptions, run } from './process.ts';

export const REGION = 'eu-central-1';
export const ACCOUNT = '111122223333';
export const SCRIPT = resolve('ci/access-token');

/** The characters of a token that are special in shells, sed, JSON and URLs. Also a canary. */
export const AWKWARD_TOKEN = `canary-%0A%25"'\`$(x)\${y}\\n&*!#;|<>~ {}[]^=, end`;

/** The permissions of `grantRead`. */
export function readPolicy(tokenName: string): PolicyDocument {
  const arn = `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/ci/${tokenName}`;
  const Resource = [`${arn}/access-token`, `${arn}/token-status`];
  return policy({ Effect: 'Allow', Action: ['ssm:GetParameter', 'ssm:GetParameters'], Resource });
}

/** The permissions of `grantRefresh`. */
export function refreshPolicy(tokenName: string): PolicyDocument {
  const Resource = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:token-refresher-ci-${tokenName}`;
  return policy({ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource });
}

function policy(statement: object): PolicyDocument {
  return { Version: '2012-10-17', Statement: [statement] };
}

export const READ = readPolicy('genesys');
export const REFRESH = refreshPolicy('genesys');

/** The status fields that a test sets; the others have defaults. */
export interface StatusFields {
  readonly version?: number;
  readonly lifeSeconds?: number;
  readonly dueInSeconds?: number;
  readonly lastFailure?: { code: string; consecutive: number } | null;
}

/** An AWS account with a stored token, and jobs that read it with the real script and the real CLI. */
export interface ReaderHarness {
  readonly endpoint: AwsEndpoint;
  /** Directory that stands for HOME, TMPDIR and the working directory of the jobs. */
  readonly home: string;
  /** Stores a token; returns its version. */
  storeToken(token: string, name?: string): number;
  storeStatus(fields?: StatusFields, name?: string): void;
  storeRawStatus(text: string): void;
  /** Environment of a job whose role has these policies. */
  jobEnvironment(policies: readonly PolicyDocument[], role?: string): Record<string, string>;
  /** Runs `access-token` as a job with these policies. */
  job(args: readonly string[], options?: JobOptions): Promise<Ended>;
  close(): Promise<void>;
}

export interface JobOptions extends RunOptions {
  readonly policies?: readonly PolicyDocument[];
  /** The shell and its options. @default sh */
  readonly shell?: readonly string[];
}

/** Starts an account that is read through this CLI. */
export async function openReaderHarness(cli: AwsCli): Promise<ReaderHarness> {
  const endpoint = await startAwsEndpoint({ region: REGION, accountId: ACCOUNT });
  const commands = installAwsCommand(cli, endpoint.url);
  const home = mkdtempSync(join(tmpdir(), 'job-'));
  const put = (name: string, type: string, value: string) => putParameter(endpoint, name, type, value);
  const harness: ReaderHarness = {
    endpoint,
    home,
    storeToken: (token, name = 'genesys') => put(`/ci/${name}/access-token`, 'SecureString', token),
    storeStatus: (fields = {}, name = 'genesys') => {
      put(`/ci/${name}/token-status`, 'String', JSON.stringify(statusOf(fields)));
    },
    storeRawStatus: (text) => {
      put('/ci/genesys/token-status', 'String', text);
    },
    jobEnvironment(policies, role = 'ci') {
      const credentials = endpoint.registerPrincipal({
        arn: `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/job`,
        policies,
      });
      return environmentOfJob({ commands, home, credentials });
    },
    job: (args, { policies = [READ, REFRESH], shell = ['sh'], env = {}, ...options } = {}) =>
      run([...shell, SCRIPT, ...args], {
        cwd: home,
        ...options,
        env: { ...harness.jobEnvironment(policies), ...env },
      }),
    async close() {
      await endpoint.close();
      for (const directory of [home, commands]) rmSync(directory, { recursive: true, force: true });
    },
  };
  return harness;
}

/** The environment of a job with these credentials, and nothing of the machine's AWS settings. */
export function environmentOfJob(options: {
  /** First directory of PATH: `aws`. */
  readonly commands: string;
  readonly home: string;
  readonly credentials: Credentials;
}): Record<string, string> {
  const { commands, home, credentials } = options;
  return {
    PATH: `${commands}:${process.env.PATH}`,
    HOME: home,
    TMPDIR: home,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
  };
}

/** Stores a parameter as somebody with every permission would; returns its version. */
export function putParameter(endpoint: AwsEndpoint, Name: string, Type: string, Value: string): number {
  const answer = endpoint.administer('PutParameter', { Name, Type, Value, Overwrite: true });
  return Number(answer.Version);
}

/** Makes the stored token of this name look as if it had been minted this much earlier. */
export function ageToken(endpoint: AwsEndpoint, tokenName: string, minutes: number): void {
  const name = `/ci/${tokenName}/token-status`;
  const status = JSON.parse(endpoint.ssm.parameters.get(name)?.versions.at(-1)?.value ?? '{}');
  for (const key of ['issuedAt', 'expiresAt', 'refreshDueAt']) {
    status[key] = new Date(Date.parse(status[key]) - minutes * 60_000).toISOString();
  }
  if (status.expiresAtEpoch) status.expiresAtEpoch -= minutes * 60;
  putParameter(endpoint, name, 'String', JSON.stringify(status));
}

function statusOf({ version = 1, lifeSeconds = 2850, dueInSeconds, lastFailure = null }: StatusFields) {
  const at = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
  return {
    schemaVersion: 1,
    tokenVersion: version,
    fingerprint: '9f86d081884c',
    issuedAt: at(lifeSeconds - 3600),
    expiresAt: at(lifeSeconds),
    refreshDueAt: at(dueInSeconds ?? lifeSeconds - 600),
    provider: 'genesys-cloud',
    lastFailure: lastFailure && { ...lastFailure, at: at(-60), retryAt: at(60) },
  };
}
