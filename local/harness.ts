import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { GetParameterCommand, type GetParameterCommandOutput, SSMClient } from '@aws-sdk/client-ssm';
import type { TargetEnvironment } from '../infra/configuration/places.ts';
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from './authorization-server/authorization-server.ts';
import { type AwsEndpoint, startAwsEndpoint } from './aws/endpoint.ts';
import { createFunctionProcess } from './aws/function-process.ts';
import type { Credentials } from './aws/iam.ts';
import type { InvocationOutcome } from './aws/lambda.ts';
import type { PolicyDocument } from './aws/operation.ts';
import { createServerCertificate, trusting } from './server-certificate.ts';
import { policiesOfRole, type SynthesizedFunction, synthesize } from './synthesized-function.ts';
import { LOCAL_PLACE } from './template-resolver.ts';

const CLIENT_ID = 'ci-jobs';
const READER_ROLE = 'ci-jobs';

export const MINUTE_MS = 60_000;

type Json = Readonly<Record<string, unknown>>;

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
  const certificate = options.overTls ? await createServerCertificate(['127.0.0.1']) : undefined;
  const aws = await startAwsEndpoint({ ...LOCAL_PLACE, now, ...(certificate && { certificate }) });
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
    jobEnvironment(policies: readonly PolicyDocument[]) {
      const arn = `arn:aws:sts::${aws.accountId}:assumed-role/ci/job`;
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
    storeToken: (token: string) => put(parametersOf(tokenName).token, 'SecureString', token),
    /** Stores a text as the status of the token. */
    storeStatus: (text: string) => put(parametersOf(tokenName).status, 'String', text),
    /** Makes the stored token look as if it had been minted this much earlier. */
    ageToken(minutes: number): void {
      const status: Record<string, unknown> = { ...account.status() };
      for (const key of ['issuedAt', 'expiresAt', 'refreshDueAt']) {
        status[key] = new Date(Date.parse(String(status[key])) - minutes * MINUTE_MS).toISOString();
      }
      status.expiresAtEpoch = Number(status.expiresAtEpoch) - minutes * 60;
      account.storeStatus(JSON.stringify(status));
    },
    /** The newest version of the stored token. */
    stored: (name = tokenName) => newest(parametersOf(name).token),
    /** The stored status, parsed; null if there is none. */
    status: (): Json | null => JSON.parse(newest(parametersOf(tokenName).status)?.value ?? 'null'),
    /** Node.js settings of a process that calls the endpoint over TLS. */
    tlsEnvironment: certificate ? trusting(certificate) : {},
    /** Options of an SDK client for the endpoint. */
    clientOptions: (credentials: Credentials) => ({
      region: aws.region,
      endpoint: aws.url,
      credentials,
      ...(certificate && { requestHandler: { httpsAgent: { ca: certificate.cert } } }),
    }),
    close: aws.close,
  };
  return account;
}

/** The names of a token's two parameters. */
export function parametersOf(tokenName: string): { readonly token: string; readonly status: string } {
  return { token: `/ci/${tokenName}/access-token`, status: `/ci/${tokenName}/token-status` };
}

/** The result of one read of a job: until when the token lives, or why it is worth nothing. */
export interface Read {
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
  /** Settings of the token that replace the harness's or are added to them; `undefined` removes one. */
  readonly token?: (places: Places) => Record<string, unknown>;
  /** Further tokens of the same stack. */
  readonly moreTokens?: (places: Places) => readonly Record<string, unknown>[];
  /** Account and region to bind the stack to. @default none */
  readonly target?: TargetEnvironment;
  /** Names under which the functions find the authorization server, over TLS. @default plain HTTP on loopback */
  readonly hosts?: readonly [string, ...string[]];
  /** Settings of the authorization server; its clients are added to the harness's. */
  readonly server?: Pick<AuthorizationServerOptions, 'clients' | 'accessKeys'>;
  /** Keys of the secret beside id and secret of the OAuth client. */
  readonly moreSecretKeys?: Readonly<Record<string, string>>;
  /** Environment of the functions beside the template's. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Opens an account, starts an authorization server, synthesizes the app for them, and prepares its functions: separate
 * processes with the template's environment and policy.
 */
export async function openHarness(options: HarnessOptions = {}) {
  const { speed = 1, lifetimeSeconds = 3600, tokenName = 'demo', hosts } = options;
  const account = await openAccount(options);
  const { aws, now } = account;
  const tls = hosts && (await createServerCertificate(hosts));
  const clientSecrets = [newSecret()];
  const authorizationServer = await startAuthorizationServer({
    ...options.server,
    ...(hosts && tls && { hostname: hosts[0], tls }),
    clients: [
      { clientId: CLIENT_ID, clientSecret: clientSecrets[0] as string, roles: ['ci'] },
      ...(options.server?.clients ?? []),
    ],
    lifetimeSeconds: lifetimeSeconds / speed,
  });
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

  const places = { authorizationServer, aws };
  const token = {
    name: tokenName,
    provider: 'oauth2',
    tokenUrl: authorizationServer.tokenUrl,
    probeUrl: authorizationServer.probeUrl,
    secretName: 'demo/oauth-client',
    refreshInterval: 50,
    expectedLifetime: lifetimeSeconds / 60,
    readers: [`arn:aws:iam::${aws.accountId}:role/${READER_ROLE}`],
    ...options.token?.(places),
  };
  const { secretName, secretEncryptionKeyArn }: typeof token & Record<string, unknown> = token;
  const secretString = () =>
    JSON.stringify({
      client_id: CLIENT_ID,
      client_secret: clientSecrets.at(-1),
      ...options.moreSecretKeys,
    });
  account.administer('CreateSecret', {
    Name: secretName,
    SecretString: secretString(),
    KmsKeyId: secretEncryptionKeyArn,
  });
  const settings = [token, ...(options.moreTokens?.(places) ?? [])];
  const assembly = synthesize({
    // As in a file: without members that are undefined.
    tokens: JSON.parse(JSON.stringify(settings)),
    ...(options.target && { target: options.target }),
  });
  const listeners = new Set<(line: string) => void>();
  const environment = { ...account.tlsEnvironment, ...(tls && trusting(tls)), ...options.environment };
  if (hosts) {
    const preload = new URL('loopback-hosts.ts', import.meta.url);
    Object.assign(environment, { LOOPBACK_HOSTS: hosts.join(), NODE_OPTIONS: `--import ${preload}` });
  }
  /** Registers a function of the stack, which then runs in a process with its own environment and policies. */
  const startFunction = (fn: SynthesizedFunction) => {
    const process = createFunctionProcess({
      name: fn.name,
      region: aws.region,
      handlerFile: join(fn.codeDirectory, 'handler.mjs'),
      environment: { ...environment, ...fn.environment },
      endpointUrl: aws.url,
      credentials: aws.iam.register({
        arn: `arn:aws:sts::${aws.accountId}:assumed-role/refresher/${fn.name}`,
        policies: fn.policyDocuments,
      }),
      timeoutMs: fn.timeoutSeconds * 1000,
      onLine: (line) => {
        for (const listener of listeners) listener(line);
      },
    });
    const { reservedConcurrency: concurrency } = fn;
    const { invoke } = process;
    aws.lambda.register({ name: fn.name, ...(concurrency && { concurrency }), invoke });
    return process;
  };
  const processes = [...assembly.functions, ...assembly.rotations].map(startFunction);
  const fn = assembly.functions[0] as SynthesizedFunction;
  const process = processes[0] as ReturnType<typeof startFunction>;

  const answers: InvocationOutcome[] = [];
  let notified: Promise<unknown> = Promise.resolve();
  aws.secretsManager.onSecretLabelUpdated((event) => {
    const context = { awsRequestId: randomUUID(), functionName: fn.name, invokedFunctionArn: fn.arn };
    // Past Lambda's limit of one at a time: an event waits for the invocation that runs.
    notified = process.invoke(event, context);
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
    /** The first token's function, and its process. */
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
    /** Invokes a function as its schedule or a person would. @throws Error whose name is Lambda's `errorType` */
    async invoke(event: object = {}, name = fn.tokenName): Promise<Json> {
      const { arn = '' } = assembly.functions.find(({ tokenName }) => tokenName === name) ?? {};
      const outcome = await aws.lambda.invokeForService(arn, event);
      answers.push(outcome);
      if ('payload' in outcome) return outcome.payload as Json;
      const { errorType, errorMessage } = outcome.failure;
      throw Object.assign(new Error(errorMessage), { name: errorType });
    },
    /** Invokes the function; answers `outcome, reason` or the error's code. */
    async beat(event: object = {}): Promise<string> {
      try {
        const { outcome, reason } = await harness.invoke(event);
        return `${outcome}, ${reason}`;
      } catch (error) {
        return (error as Error).name;
      }
    },
    /** Reads the token as a job does, and checks it with the authorization server. */
    async read(): Promise<Read> {
      const read = new GetParameterCommand({ Name: fn.environment.TOKEN_PARAMETER, WithDecryption: true });
      const { Parameter = {} } = await ssm.send(read).catch((error: Error): GetParameterCommandOutput => {
        if (error.name === 'ParameterNotFound') return { $metadata: {} };
        throw error;
      });
      const { Value, Version: version } = Parameter;
      if (Value === undefined || version === undefined) return { problem: 'missing' };
      const expiresAt = tokens.get(Value);
      const { active } = await authorizationServer.introspect(Value);
      if (expiresAt !== undefined && expiresAt <= now()) return { version, problem: 'expired' };
      return active && expiresAt !== undefined ? { version, expiresAt } : { version, problem: 'refused' };
    },
    /** Stores a value of the secret, and resolves when Secrets Manager's event has been handled. */
    async putSecret(value: string): Promise<void> {
      account.administer('PutSecretValue', { SecretId: secretName, SecretString: value });
      await notified;
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
        ...answers.map((answer) => JSON.stringify(answer)),
        ...statuses.map(({ value }) => value),
      ].join('\n');
    },
    async close(): Promise<void> {
      ssm.destroy();
      harness.clearFaults();
      await Promise.all(processes.map((one) => one.kill()));
      await Promise.all([account.close(), authorizationServer.close()]);
    },
  };
  return harness;
}

/** Random, so that it is found in printed text only if it leaked. */
function newSecret(): string {
  return randomBytes(24).toString('base64url');
}
