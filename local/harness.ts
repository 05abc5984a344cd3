import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetParameterCommand, type Parameter, SSMClient } from '@aws-sdk/client-ssm';
import type { TargetEnvironment } from '../infra/configuration/places.ts';
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from './authorization-server/authorization-server.ts';
import { type AwsEndpoint, startAwsEndpoint } from './aws/endpoint.ts';
import { createFunctionProcess, type FunctionProcess } from './aws/function-process.ts';
import type { Credentials } from './aws/iam.ts';
import type { PolicyDocument } from './aws/operation.ts';
import { createCertificateAuthority } from './certificate-authority.ts';
import {
  policiesOfRole,
  type SynthesizedFunction,
  synthesize,
  type TokenFunction,
} from './synthesized-function.ts';
import { LOCAL_PLACE } from './template-resolver.ts';

const CLIENT_ID = 'ci-jobs';
const READER_ROLE = 'ci-jobs';

export const MINUTE_MS = 60_000;

type Json = Readonly<Record<string, unknown>>;

/** Fields of a stored status that differ from those of a good token. Times are relative to now. */
export interface StatusFields {
  readonly version?: number;
  readonly lifeSeconds?: number;
  readonly dueInSeconds?: number;
  readonly lastFailure?: { readonly code: string; readonly consecutive: number } | null;
}

/** An AWS account on loopback with a clock of its own, and what a job needs to read a token from it. */
export type Account = Awaited<ReturnType<typeof openAccount>>;

/** Options of an account. */
export interface AccountOptions {
  /** The speed of the clock, in multiples of the machine's. @default 1 */
  readonly speed?: number;
  /** Name of the token that the account's functions mean. @default 'demo' */
  readonly tokenName?: string;
  /** Whether the AWS endpoint speaks HTTPS, as AWS does. @default false */
  readonly overTls?: boolean;
}

/** Starts the AWS endpoint, with nothing stored. */
export async function openAccount(options: AccountOptions = {}) {
  const { speed = 1, tokenName = 'demo' } = options;
  const start = Date.now();
  let aheadMs = 0;
  // The function follows this clock without a setting: it takes the time from the `Date` header of AWS's responses.
  const now = () => new Date(start + (Date.now() - start) * speed + aheadMs);
  const tls = options.overTls ? await createTls() : undefined;
  const aws = await startAwsEndpoint({ ...LOCAL_PLACE, now, ...(tls && { certificate: tls.certificate }) });
  const newest = (name: string) => aws.ssm.parameters.get(name)?.versions.at(-1);
  const put = (Name: string, Type: string, Value: string): number =>
    Number(aws.administer('PutParameter', { Name, Type, Value, Overwrite: true }).Version);

  const account = {
    aws,
    now,
    /** Lets time pass on the clocks of AWS, of the readers and of the tokens. */
    advance(ms: number): void {
      aheadMs += ms;
    },
    /** Real milliseconds that the given time takes on the account's clock. */
    realMs: (ms: number): number => ms / speed,
    administrator: aws.iam.registerAdministrator(),
    /** Region and credentials of a job whose role has these policies, as environment variables. */
    jobEnvironment(policies: readonly PolicyDocument[], role = 'ci') {
      const arn = `arn:aws:sts::${aws.accountId}:assumed-role/${role}/job`;
      const { accessKeyId, secretAccessKey, sessionToken } = aws.iam.register({ arn, policies });
      return {
        AWS_REGION: aws.region,
        AWS_DEFAULT_REGION: aws.region,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_SESSION_TOKEN: sessionToken,
      };
    },
    /** Calls an operation of Parameter Store or Secrets Manager with every permission, past all faults. */
    administer: aws.administer,
    /** Stores a token; returns its version. */
    storeToken: (token: string, name = tokenName) => put(parametersOf(name).token, 'SecureString', token),
    /** Stores the status of a token, or any text in its place. */
    storeStatus(fields: StatusFields | string = {}, name = tokenName): void {
      const text = typeof fields === 'string' ? fields : JSON.stringify(statusOf(fields, now()));
      put(parametersOf(name).status, 'String', text);
    },
    /** Makes the stored token look as if it had been minted this much earlier. */
    ageToken(minutes: number, name = tokenName): void {
      const status: Record<string, unknown> = { ...account.status(name) };
      for (const key of ['issuedAt', 'expiresAt', 'refreshDueAt']) {
        status[key] = new Date(Date.parse(String(status[key])) - minutes * MINUTE_MS).toISOString();
      }
      if (status.expiresAtEpoch) status.expiresAtEpoch = Number(status.expiresAtEpoch) - minutes * 60;
      account.storeStatus(JSON.stringify(status), name);
    },
    /** The newest version of the stored token. */
    stored: (name = tokenName) => newest(parametersOf(name).token),
    /** The stored status, parsed; null if there is none. */
    status: (name = tokenName): Json | null => JSON.parse(newest(parametersOf(name).status)?.value ?? 'null'),
    /** Node.js settings of a process that calls the endpoint over TLS. */
    tlsEnvironment: tls?.environment ?? {},
    /** Options of an SDK client for the endpoint. */
    clientOptions: (credentials: Credentials) => ({
      region: aws.region,
      endpoint: aws.url,
      credentials,
      ...tls?.client,
    }),
    async close(): Promise<void> {
      await aws.close();
      await tls?.remove();
    },
  };
  return account;
}

/** The names of a token's two parameters. */
export function parametersOf(tokenName: string): { readonly token: string; readonly status: string } {
  return { token: `/ci/${tokenName}/access-token`, status: `/ci/${tokenName}/token-status` };
}

/** An error as Lambda's Invoke answers it: `name` is the errorType, `payload` the whole answer. */
export type FunctionError = Error & { readonly payload: Json };

/** The result of one read of a job: until when the token lives, or why it is worth nothing. */
export interface Read {
  readonly at: Date;
  readonly token?: string;
  readonly version?: number;
  readonly expiresAt?: Date;
  readonly problem?: 'missing' | 'expired' | 'refused';
}

/** The synthesized function in its process, between an authorization server and the AWS account. */
export type Harness = Awaited<ReturnType<typeof openHarness>>;

/** The servers, where settings of a token depend on them. */
export interface Places {
  readonly authorizationServer: AuthorizationServer;
  readonly aws: AwsEndpoint;
}

/** Options of a harness. Times are those of its clock. */
export interface HarnessOptions extends AccountOptions {
  /** @default an hour */
  readonly lifetimeSeconds?: number;
  /** @default 50 */
  readonly refreshIntervalMinutes?: number;
  /** Settings of the token that replace the harness's or are added to them; `undefined` removes one. */
  readonly token?: (places: Places) => Record<string, unknown>;
  /** Further tokens of the same stack. */
  readonly moreTokens?: (places: Places) => readonly Record<string, unknown>[];
  /** Account and region to bind the stack to. @default none */
  readonly target?: TargetEnvironment;
  /** Settings of the authorization server; its clients are added to the harness's. */
  readonly server?: Pick<AuthorizationServerOptions, 'clients' | 'accessKeys' | 'hostname' | 'tls'>;
  /** Keys of the secret beside id and secret of the OAuth client. */
  readonly moreSecretKeys?: Readonly<Record<string, string>>;
  /** The secret's first value. @default the id and secret of the OAuth client `ci-jobs` */
  readonly secretValue?: string;
  /** @default 'demo/oauth-client' */
  readonly secretName?: string;
  /** Arguments for the functions' `node`. */
  readonly nodeArguments?: readonly string[];
  /** Environment of the functions beside the template's. */
  readonly environment?: Readonly<Record<string, string>>;
  /** @default the template's */
  readonly timeoutMs?: number;
  /** Another harness, whose authorization server is used and left running; without a `token`, also its synthesized function. */
  readonly beside?: {
    readonly assembly: ReturnType<typeof synthesize>;
    readonly authorizationServer: AuthorizationServer;
    readonly clientSecrets: readonly string[];
  };
}

/**
 * Opens an account, starts an authorization server, synthesizes the app for them, and prepares its functions: separate
 * processes with the template's environment and policy.
 */
export async function openHarness(options: HarnessOptions = {}) {
  const { speed = 1, lifetimeSeconds = 3600, tokenName = 'demo', beside } = options;
  const { secretName = 'demo/oauth-client' } = options;
  const account = await openAccount(options);
  const { aws, now } = account;
  const clientSecrets = beside === undefined ? [newSecret()] : [...beside.clientSecrets];
  const authorizationServer =
    beside?.authorizationServer ?? (await startServer(options, clientSecrets[0] as string));
  authorizationServer.setLifetime(lifetimeSeconds / speed);
  const tokens = new Map<string, Date>();
  const recordTokens = () =>
    authorizationServer.faults.always('token', {
      kind: 'rewrite',
      rewrite: (body) => {
        const seconds = Number(body.expires_in) * speed;
        tokens.set(String(body.access_token), new Date(now().getTime() + seconds * 1000));
        return { ...body, expires_in: seconds };
      },
    });
  recordTokens();
  const secretString = () =>
    JSON.stringify({
      client_id: CLIENT_ID,
      client_secret: clientSecrets.at(-1),
      ...options.moreSecretKeys,
    });
  account.administer('CreateSecret', {
    Name: secretName,
    SecretString: options.secretValue ?? secretString(),
  });

  const places = { authorizationServer, aws };
  const token = {
    name: tokenName,
    provider: 'oauth2',
    tokenUrl: authorizationServer.tokenUrl,
    probeUrl: authorizationServer.probeUrl,
    secretName,
    refreshInterval: options.refreshIntervalMinutes ?? 50,
    expectedLifetime: lifetimeSeconds / 60,
    readers: [`arn:aws:iam::${aws.accountId}:role/${READER_ROLE}`],
    ...options.token?.(places),
  };
  const assembly =
    beside !== undefined && options.token === undefined
      ? beside.assembly
      : synthesize({
          tokens: [defined(token), ...(options.moreTokens?.(places) ?? [])],
          ...(options.target && { target: options.target }),
        });
  const listeners = new Set<(line: string) => void>();
  const processes = [...assembly.functions, ...assembly.rotations].map((fn) =>
    startFunction(account, fn, options, listeners),
  );
  const [fn, process] = [assembly.functions[0], processes[0]] as [SynthesizedFunction, FunctionProcess];

  const lambda = new LambdaClient(account.clientOptions(account.administrator));
  const answers: string[] = [];
  const failures: FunctionError[] = [];
  const send = async (FunctionName: string, event: object, type: 'RequestResponse' | 'Event') => {
    const Payload = Buffer.from(JSON.stringify(event));
    const sent = await lambda.send(new InvokeCommand({ FunctionName, InvocationType: type, Payload }));
    const text = Buffer.from(sent.Payload ?? '').toString();
    answers.push(text);
    const answer = text === '' ? {} : JSON.parse(text);
    if (sent.FunctionError === undefined) return answer;
    throw Object.assign(new Error(answer.errorMessage), { name: answer.errorType, payload: answer });
  };
  let notified: Promise<unknown> = Promise.resolve();
  aws.secretsManager.onSecretLabelUpdated((event) => {
    notified = send(fn.name, event, 'Event');
  });

  const reader = aws.iam.register({
    arn: `arn:aws:sts::${aws.accountId}:assumed-role/${READER_ROLE}/job`,
    policies: policiesOfRole(assembly, READER_ROLE),
  });
  const ssm = new SSMClient(account.clientOptions(reader));

  const harness = {
    ...account,
    authorizationServer,
    assembly,
    /** The first token's function, and its processes. */
    fn,
    process,
    /** When each token that was answered expires, by the harness's clock. */
    tokens: tokens as ReadonlyMap<string, Date>,
    /** Removes all scripted faults. */
    clearFaults(): void {
      aws.faults.clear();
      authorizationServer.faults.clear();
      recordTokens();
    },
    /** All client secrets that ever were. */
    clientSecrets: clientSecrets as readonly string[],
    clientId: CLIENT_ID,
    /** Name of the secret with id and secret of the OAuth client. */
    secretName,
    /** Calls `listener` with each line that the functions write from now on. */
    followLines: (listener: (line: string) => void) => listeners.add(listener),
    /** Invokes a function as its schedule or a person would, and returns its answer, or throws its error. */
    async invoke(event: object, name = fn.tokenName): Promise<Json> {
      const found = assembly.functions.find((one) => one.tokenName === name);
      if (found === undefined) throw new Error(`There is no function for the token ${name}.`);
      try {
        return await send(found.name, event, 'RequestResponse');
      } catch (error) {
        failures.push(error as FunctionError);
        throw error;
      }
    },
    /** Invokes the function, with the scheduler's event by default; answers `outcome, reason` or the error's code. */
    async beat(event: object = JSON.parse(fn.scheduledEvent)): Promise<string> {
      try {
        const { outcome, reason } = await harness.invoke(event);
        return `${outcome}, ${reason}`;
      } catch (error) {
        return (error as Error).name;
      }
    },
    /** The error that an invocation ends with; throws if it succeeds. */
    async failure(event: object = {}): Promise<FunctionError> {
      const outcome = await harness.invoke(event).catch((error: FunctionError) => error);
      if (outcome instanceof Error) return outcome as FunctionError;
      throw new Error(`The invocation succeeded: ${JSON.stringify(outcome)}`);
    },
    /** The errors that invocations ended with. */
    failures: failures as readonly FunctionError[],
    /** Reads the token as a job does, and checks it with the authorization server. */
    async read(): Promise<Read> {
      const at = now();
      const { Value, Version } = await readParameter(ssm, fn.environment.TOKEN_PARAMETER ?? '');
      if (Value === undefined || Version === undefined) return { at, problem: 'missing' };
      const expiresAt = tokens.get(Value);
      const { active } = await authorizationServer.introspect(Value);
      const found = { at, token: Value, version: Version };
      if (expiresAt !== undefined && expiresAt <= at) return { ...found, problem: 'expired' };
      return active && expiresAt !== undefined ? { ...found, expiresAt } : { ...found, problem: 'refused' };
    },
    /** Stores a value of the secret, and resolves when Secrets Manager's event has been handled. */
    async putSecret(value: string): Promise<void> {
      account.administer('PutSecretValue', { SecretId: secretName, SecretString: value });
      await notified;
      await aws.lambda.settled();
    },
    /** Sets a new secret for the OAuth client, at the authorization server and in Secrets Manager. */
    async changeSecret(): Promise<void> {
      clientSecrets.push(newSecret());
      authorizationServer.replaceClientSecret(CLIENT_ID, clientSecrets.at(-1) as string);
      await harness.putSecret(secretString());
    },
    /** All that the functions wrote, answered and stored beside the token. */
    written(): string {
      const statuses = [...aws.ssm.parameters.values()]
        .flatMap(({ versions }) => versions)
        .filter(({ type }) => type === 'String');
      return [
        ...processes.flatMap(({ lines }) => lines),
        ...answers,
        ...statuses.map(({ value }) => value),
      ].join('\n');
    },
    /** The permission checks of the functions' calls that failed. */
    refusedCalls: () =>
      aws.calls.filter(({ principal, allowed }) => principal.includes('/refresher/') && !allowed),
    async close(): Promise<void> {
      for (const client of [lambda, ssm]) client.destroy();
      harness.clearFaults();
      await aws.lambda.settled();
      await Promise.all(processes.map((one) => one.stop()));
      await Promise.all([account.close(), beside === undefined && authorizationServer.close()]);
    },
  };
  return harness;
}

/** Registers a function of the stack, which then runs in processes with its own environment and policies. */
function startFunction(
  account: Account,
  fn: TokenFunction,
  options: HarnessOptions,
  listeners: ReadonlySet<(line: string) => void>,
): FunctionProcess {
  const { aws } = account;
  const process = createFunctionProcess({
    name: fn.name,
    region: aws.region,
    handlerFile: join(fn.codeDirectory, 'handler.mjs'),
    environment: { ...account.tlsEnvironment, ...options.environment, ...fn.environment },
    endpointUrl: aws.url,
    credentials: aws.iam.register({
      arn: `arn:aws:sts::${aws.accountId}:assumed-role/refresher/${fn.name}`,
      policies: fn.policyDocuments as PolicyDocument[],
    }),
    timeoutMs: options.timeoutMs ?? fn.timeoutSeconds * 1000,
    ...(options.nodeArguments && { nodeArguments: options.nodeArguments }),
    memoryMegabytes: fn.memoryMiB,
    onLine: (line) => {
      for (const listener of listeners) listener(line);
    },
  });
  aws.lambda.register({
    name: fn.name,
    ...(fn.reservedConcurrency === undefined ? {} : { concurrency: fn.reservedConcurrency }),
    invoke: process.invoke,
  });
  return process;
}

async function startServer(options: HarnessOptions, clientSecret: string): Promise<AuthorizationServer> {
  const { speed = 1, lifetimeSeconds = 3600, server = {} } = options;
  return await startAuthorizationServer({
    ...server,
    clients: [
      { clientId: CLIENT_ID, clientSecret, authMethod: 'client_secret_basic', roles: ['ci'] },
      ...(server.clients ?? []),
    ],
    lifetimeSeconds: lifetimeSeconds / speed,
  });
}

async function readParameter(ssm: SSMClient, Name: string): Promise<Parameter> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name, WithDecryption: true }));
    return Parameter ?? {};
  } catch (error) {
    if (['ParameterNotFound', 'InvalidKeyId'].includes((error as Error).name)) return {};
    throw error;
  }
}

function statusOf(
  { version = 1, lifeSeconds = 2850, dueInSeconds, lastFailure = null }: StatusFields,
  now: Date,
) {
  const at = (seconds: number): string => new Date(now.getTime() + seconds * 1000).toISOString();
  return {
    schemaVersion: 1,
    tokenVersion: version,
    fingerprint: '9f86d081884c',
    issuedAt: at(lifeSeconds - 3600),
    expiresAt: at(lifeSeconds),
    expiresAtEpoch: Math.floor(Date.parse(at(lifeSeconds)) / 1000),
    refreshDueAt: at(dueInSeconds ?? lifeSeconds - 600),
    provider: 'genesys-cloud',
    lastFailure: lastFailure && { ...lastFailure, at: at(-60), retryAt: at(60) },
  };
}

async function createTls() {
  const authority = await createCertificateAuthority();
  const { path, remove } = await authority.writeCertificate();
  return {
    certificate: await authority.issue(['127.0.0.1']),
    client: { requestHandler: { httpsAgent: { ca: authority.certificate } } },
    environment: { NODE_EXTRA_CA_CERTS: path },
    remove,
  };
}

function defined(settings: Json): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** Random, so that it is found in printed text only if it leaked. */
function newSecret(): string {
  return randomBytes(24).toString('base64url');
}
