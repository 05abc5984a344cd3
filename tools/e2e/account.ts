import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StatusDocument } from '../../lambda/refresh/status.ts';
import type { Template } from '../../local/cloud-assembly.ts';
import type { Commands } from './commands.ts';
import { WORK_DIRECTORY } from './server-process.ts';

/** The two parameters of one token; undefined where there is none. */
export interface StoredToken {
  readonly accessToken: string | undefined;
  /** Version and type of the token's parameter. */
  readonly version: number | undefined;
  readonly type: string | undefined;
  readonly status: StatusDocument | undefined;
}

interface Parameter {
  readonly Name: string;
  readonly Type: string;
  readonly Value: string;
  readonly Version: number;
}

/** One resource as it was deployed. */
interface StackResource {
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId: string;
  readonly ResourceType: string;
}

interface Stack {
  readonly StackName: string;
  readonly StackStatus: string;
}

/** The target, as the real AWS CLI shows it. */
export type Account = ReturnType<typeof openAccount>;

export function openAccount({ succeed }: Commands) {
  /** Runs `aws <words>`. @throws Error with the CLI's message */
  async function call<T>(...words: string[]): Promise<T> {
    const out = await succeed(['aws', ...words, '--output', 'json']);
    return (out.trim() === '' ? undefined : JSON.parse(out)) as T;
  }

  /** Stores a secret: `create-secret --name NAME`, `put-secret-value --secret-id ID`. */
  async function storeSecret(value: object, ...words: string[]): Promise<void> {
    // Node.js connects programs by sockets, on which /dev/stdin cannot be opened. A pipe of the shell works.
    const piped = [
      'sh',
      '-c',
      'cat | aws secretsmanager "$@" --secret-string file:///dev/stdin',
      'sh',
      ...words,
    ];
    await succeed(piped, { input: JSON.stringify(value) });
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

  async function readParameters(...names: string[]): Promise<Parameter[]> {
    const words = ['ssm', 'get-parameters', '--with-decryption', '--names', ...names];
    return (await call<{ Parameters: Parameter[] }>(...words)).Parameters;
  }

  /** Reads a token and its status, as a reader does. */
  async function readStored(path: string): Promise<StoredToken> {
    const parameters = await readParameters(`${path}/access-token`, `${path}/token-status`);
    const token = parameters.find(({ Name }) => Name === `${path}/access-token`);
    const status = parameters.find((parameter) => parameter !== token)?.Value;
    return {
      accessToken: token?.Value,
      version: token?.Version,
      type: token?.Type,
      status: status === undefined ? undefined : JSON.parse(status),
    };
  }

  /** Reads until token and status agree and the token has at least this version. */
  async function waitForVersion(path: string, atLeast: number, timeoutSeconds: number): Promise<StoredToken> {
    const deadline = Date.now() + timeoutSeconds * 1000;
    for (;;) {
      const stored = await readStored(path);
      if (isConsistent(stored) && (stored.version ?? 0) >= atLeast) return stored;
      if (Date.now() > deadline) {
        const found = `version ${stored.version ?? 'none'}, status ${JSON.stringify(stored.status)}`;
        throw new Error(`${path}: version ${atLeast} did not come in ${timeoutSeconds} s: ${found}`);
      }
      await delay(500);
    }
  }

  /** Names of all parameters below a prefix. */
  async function parameterNames(prefix: string): Promise<string[]> {
    const words = ['ssm', 'get-parameters-by-path', '--path', prefix, '--recursive'];
    return (await call<{ Parameters: Parameter[] }>(...words)).Parameters.map(({ Name }) => Name);
  }

  /** All stacks but the deleted ones. */
  async function stacks(): Promise<Stack[]> {
    const { StackSummaries } = await call<{ StackSummaries: Stack[] }>('cloudformation', 'list-stacks');
    return StackSummaries.filter(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE');
  }

  /** The stack's resources as they were deployed. */
  async function stackResources(stackName: string): Promise<StackResource[]> {
    const words = ['describe-stack-resources', '--stack-name', stackName] as const;
    type Answer = { StackResources: StackResource[] };
    return (await call<Answer>('cloudformation', ...words)).StackResources;
  }

  /** The deployed template. */
  async function template(stackName: string): Promise<Template> {
    const words = ['get-template', '--stack-name', stackName] as const;
    return (await call<{ TemplateBody: Template }>('cloudformation', ...words)).TemplateBody;
  }

  /** Deletes the stack, and waits until it is gone. The AWS CLI's own `wait` looks every 30 seconds. */
  async function deleteStack(stackName: string): Promise<void> {
    await call('cloudformation', 'delete-stack', '--stack-name', stackName);
    for (;;) {
      const status = (await stacks()).find(({ StackName }) => StackName === stackName)?.StackStatus;
      if (status === undefined) return;
      if (status === 'DELETE_FAILED') throw new Error(`${stackName}: ${status}`);
      await delay(1000);
    }
  }

  /** Deletes a secret at once. */
  async function deleteSecret(id: string): Promise<void> {
    await call('secretsmanager', 'delete-secret', '--secret-id', id, '--force-delete-without-recovery');
  }

  return {
    ...{ call, storeSecret, invoke, readParameters, readStored, waitForVersion, parameterNames },
    ...{ stacks, stackResources, template, deleteStack, deleteSecret },
  };
}

/** Whether a token is stored that its status describes. */
export function isConsistent({ accessToken, version, status }: StoredToken): boolean {
  if (accessToken === undefined || status?.tokenVersion !== version) return false;
  return status?.fingerprint === createHash('sha256').update(accessToken).digest('hex').slice(0, 12);
}
