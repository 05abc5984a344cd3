import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StatusDocument } from '../../lambda/refresh/status.ts';
import type { Template } from '../../local/cloud-assembly.ts';
import type { Commands } from './commands.ts';
import { WORK_DIRECTORY } from './server-process.ts';

/** A token and its status as a reader sees them; undefined where there is none. */
interface StoredToken {
  readonly accessToken: string | undefined;
  readonly version: number | undefined;
  readonly status: StatusDocument | undefined;
}

/** One resource as it was deployed. */
interface StackResource {
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId: string;
  readonly ResourceType: string;
}

/** The target, as the real AWS CLI shows it. */
export type Account = ReturnType<typeof openAccount>;

/** @param env credentials, if they are not the target's */
export function openAccount({ succeed }: Commands, env: NodeJS.ProcessEnv = {}) {
  /** Runs `aws <words>`. @throws Error with the CLI's message */
  async function call<T>(...words: string[]): Promise<T> {
    const out = await succeed(['aws', ...words, '--output', 'json'], { env });
    return (out.trim() === '' ? undefined : JSON.parse(out)) as T;
  }

  /** Stores a secret: `create-secret --name NAME`, `put-secret-value --secret-id ID`. */
  async function storeSecret(value: object, ...words: string[]): Promise<void> {
    // Node.js connects programs by sockets, on which /dev/stdin cannot be opened. A pipe of the shell works.
    const script = 'cat | aws secretsmanager "$@" --secret-string file:///dev/stdin';
    await succeed(['sh', '-c', script, 'sh', ...words], { input: JSON.stringify(value) });
  }

  /** Invokes a function, and returns its answer. @throws Error with the function's error */
  async function invoke(functionName: string, event: object): Promise<Readonly<Record<string, unknown>>> {
    const file = join(WORK_DIRECTORY, 'answer.json');
    const words = ['--function-name', functionName, '--payload', JSON.stringify(event), file];
    const { FunctionError } = await call<{ FunctionError?: string }>('lambda', 'invoke', ...words);
    const answer = JSON.parse(readFileSync(file, 'utf8'));
    if (FunctionError !== undefined) throw new Error(JSON.stringify(answer));
    return answer;
  }

  /** Reads a token and its status, as a reader does. */
  async function readStored(path: string): Promise<StoredToken> {
    const names = [`${path}/access-token`, `${path}/token-status`];
    const { Parameters: found } = await call<{
      Parameters: { Name: string; Value: string; Version: number }[];
    }>('ssm', 'get-parameters', '--with-decryption', '--names', ...names);
    const [token, status] = names.map((name) => found.find(({ Name }) => Name === name));
    return {
      accessToken: token?.Value,
      version: token?.Version,
      status: status && JSON.parse(status.Value),
    };
  }

  /** Names of all parameters below a prefix. */
  async function parameterNames(prefix: string): Promise<string[]> {
    const words = ['--path', prefix, '--recursive', '--query', 'Parameters[].Name'];
    return call('ssm', 'get-parameters-by-path', ...words);
  }

  /** The names of all stacks but the deleted ones. */
  async function stacks(): Promise<string[]> {
    const query = "StackSummaries[?StackStatus!='DELETE_COMPLETE'].StackName";
    return call('cloudformation', 'list-stacks', '--query', query);
  }

  /** The stack's resources as they were deployed. */
  async function stackResources(stackName: string): Promise<StackResource[]> {
    const words = ['--stack-name', stackName, '--query', 'StackResources'];
    return call('cloudformation', 'describe-stack-resources', ...words);
  }

  /** The ids of the secrets that a stack made. */
  async function secretsOf(stackName: string): Promise<string[]> {
    const resources = await stackResources(stackName);
    return resources
      .filter(({ ResourceType }) => ResourceType === 'AWS::SecretsManager::Secret')
      .map(({ PhysicalResourceId }) => PhysicalResourceId);
  }

  /** The deployed template. */
  async function template(stackName: string): Promise<Template> {
    const words = ['--stack-name', stackName, '--query', 'TemplateBody'];
    return call('cloudformation', 'get-template', ...words);
  }

  /** Deletes the stack, and waits until it is gone, up to ten minutes. The AWS CLI's own `wait` looks every 30 seconds. */
  async function deleteStack(stackName: string): Promise<void> {
    await call('cloudformation', 'delete-stack', '--stack-name', stackName);
    for (const until = Date.now() + 600_000; (await stacks()).includes(stackName); await delay(500)) {
      assert.ok(Date.now() < until, `${stackName} is still there`);
    }
  }

  /** Deletes a secret at once. */
  async function deleteSecret(id: string): Promise<void> {
    await call('secretsmanager', 'delete-secret', '--secret-id', id, '--force-delete-without-recovery');
  }

  /** Makes a key. @returns its ARN */
  async function createKey(): Promise<string> {
    return call('kms', 'create-key', '--query', 'KeyMetadata.Arn');
  }

  return {
    ...{ call, storeSecret, invoke, readStored, parameterNames, createKey },
    ...{ stacks, stackResources, secretsOf, template, deleteStack, deleteSecret },
  };
}

/** Whether a token is stored that its status describes. */
export function isConsistent({ accessToken, version, status }: StoredToken): boolean {
  if (accessToken === undefined || status?.tokenVersion !== version) return false;
  return status?.fingerprint === createHash('sha256').update(accessToken).digest('hex').slice(0, 12);
}

type Place = { readonly account: Account; readonly names: { readonly role: string } };

/** Makes the role of a job, which everybody in the account may take. @returns its ARN */
export async function createJobRole({ account, names }: Place): Promise<string> {
  const AWS = await account.call<string>('sts', 'get-caller-identity', '--query', 'Account');
  const Statement = [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS } }];
  const trust = JSON.stringify({ Version: '2012-10-17', Statement });
  const words = ['--role-name', names.role, '--assume-role-policy-document', trust, '--query', 'Role.Arn'];
  return account.call('iam', 'create-role', ...words);
}

/** Takes the job's role. @returns its credentials, as environment variables */
export async function takeJobRole({ account, names }: Place): Promise<NodeJS.ProcessEnv> {
  const arn = await account.call<string>('iam', 'get-role', '--role-name', names.role, '--query', 'Role.Arn');
  const words = ['--role-arn', arn, '--role-session-name', 'job', '--query', 'Credentials'];
  type Credentials = Record<'AccessKeyId' | 'SecretAccessKey' | 'SessionToken', string>;
  const taken = await account.call<Credentials>('sts', 'assume-role', ...words);
  return {
    AWS_ACCESS_KEY_ID: taken.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: taken.SecretAccessKey,
    AWS_SESSION_TOKEN: taken.SessionToken,
  };
}
