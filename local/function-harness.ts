import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { createAcceleratedClock } from './accelerated-clock.ts';
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from './authorization-server/authorization-server.ts';
import { type AwsEndpoint, startAwsEndpoint } from './aws/endpoint.ts';
import { createFunctionProcess, type FunctionProcess } from './aws/function-process.ts';
import type { Credentials } from './aws/iam.ts';
import type { PolicyDocument } from './aws/operation.ts';
import type { Assembly } from './cloud-assembly.ts';
import { LOCAL_PLACE, policiesOfRole, type SynthesizedFunction, synthesize } from './synthesized-function.ts';

const CLIENT_ID = 'ci-jobs';
const SECRET_NAME = 'demo/oauth-client';
const READER_ROLE = 'ci-jobs';

/** What a job reads from both parameters. */
export interface ReadToken {
  readonly accessToken: string;
  readonly version: number;
  /** The status parameter's JSON, parsed; undefined if there is none. */
  readonly status: Readonly<Record<string, unknown>> | undefined;
}

/** Everything that a run of the synthesized function needs, on one machine: both servers, its process, its clock. */
export interface FunctionHarness {
  readonly now: () => Date;
  readonly realMs: (ms: number) => number;
  readonly authorizationServer: AuthorizationServer;
  readonly aws: AwsEndpoint;
  readonly assembly: Assembly & { readonly functions: readonly SynthesizedFunction[] };
  readonly fn: SynthesizedFunction;
  readonly process: FunctionProcess;
  readonly administrator: Credentials;
  /** A job's credentials, with what the stack grants to a reader. */
  readonly reader: Credentials;
  /** When each token that was answered expires, by the harness's clock. */
  readonly tokens: ReadonlyMap<string, Date>;
  /** Removes all scripted faults. */
  clearFaults(): void;
  /** Calls `listener` with each line that the function writes from now on. */
  followLines(listener: (line: string) => void): void;
  /** Invokes the function as its schedule or a person would, and returns its answer, or throws its error. */
  invoke(event: object): Promise<Readonly<Record<string, unknown>>>;
  /** Reads both parameters with the permissions that the stack grants to a reader; undefined without a token. */
  read(): Promise<ReadToken | undefined>;
  /** Sets a new secret for the OAuth client, at the authorization server and in Secrets Manager. */
  changeSecret(): Promise<void>;
  /** All client secrets that ever were. */
  readonly clientSecrets: readonly string[];
  readonly clientId: string;
  /** Name of the secret with id and secret of the OAuth client. */
  readonly secretName: string;
  close(): Promise<void>;
}

/** Options of a harness. Times are those of its clock. */
export interface FunctionHarnessOptions {
  /** The speed of all clocks, in multiples of the machine's. @default 1 */
  readonly speed?: number;
  /** How far the harness's clock is ahead of that, in milliseconds, at each moment. @default always 0 */
  readonly aheadMs?: () => number;
  /** @default an hour */
  readonly lifetimeSeconds?: number;
  /** @default 50 */
  readonly refreshIntervalMinutes?: number;
  /** Settings of the token that replace the harness's or are added to them; `undefined` removes one. */
  readonly token?: (places: Pick<FunctionHarness, 'authorizationServer' | 'aws'>) => Record<string, unknown>;
  /** Further clients of the authorization server. */
  readonly knows?: Pick<AuthorizationServerOptions, 'clients' | 'accessKeys'>;
  /** The secret's first value. @default the id and secret of the OAuth client `ci-jobs` */
  readonly secretValue?: string;
  /** Arguments for the function's `node`. */
  readonly nodeArguments?: readonly string[];
  /** Environment of the function beside the template's. */
  readonly environment?: Readonly<Record<string, string>>;
  /** @default the template's */
  readonly timeoutMs?: number;
  /**
   * Another harness, whose authorization server is used and left running. Without a `token`, its synthesized function is
   * also used.
   */
  readonly beside?: FunctionHarness;
}

/**
 * Starts an authorization server and an AWS endpoint, synthesizes the app for them, and prepares its function: a separate
 * process, with the template's environment and policy. All clocks run `speed` times as fast as the machine's, and tokens
 * live as much shorter; the function follows AWS's `Date` header.
 */
export async function openFunctionHarness(options: FunctionHarnessOptions): Promise<FunctionHarness> {
  const { speed = 1, aheadMs = () => 0, lifetimeSeconds = 3600, beside } = options;
  const listeners = new Set<(line: string) => void>();
  const { now: fastNow, realMs } = createAcceleratedClock(speed);
  const now = () => new Date(fastNow().getTime() + aheadMs());
  const clientSecrets = beside === undefined ? [newSecret()] : [...beside.clientSecrets];
  const authorizationServer =
    beside?.authorizationServer ?? (await startServer(options, clientSecrets[0] as string));
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
  const aws = await startAwsEndpoint({ ...LOCAL_PLACE, now });
  const administrator = aws.iam.registerAdministrator();
  const clientOptions = { region: aws.region, endpoint: aws.url };
  const secrets = new SecretsManagerClient({ ...clientOptions, credentials: administrator });
  await secrets.send(
    new CreateSecretCommand({
      Name: SECRET_NAME,
      SecretString: options.secretValue ?? secretString(clientSecrets),
    }),
  );

  const assembly =
    beside !== undefined && options.token === undefined
      ? beside.assembly
      : synthesize({
          tokens: [
            defined({
              name: 'demo',
              provider: 'oauth2',
              tokenUrl: authorizationServer.tokenUrl,
              probeUrl: authorizationServer.probeUrl,
              secretName: SECRET_NAME,
              refreshInterval: options.refreshIntervalMinutes ?? 50,
              expectedLifetime: lifetimeSeconds / 60,
              readers: [`arn:aws:iam::${aws.accountId}:role/${READER_ROLE}`],
              ...options.token?.({ authorizationServer, aws }),
            }),
          ],
        });
  const fn = assembly.functions[0] as SynthesizedFunction;
  const process = createFunctionProcess({
    name: fn.name,
    region: aws.region,
    handlerFile: join(fn.codeDirectory, 'handler.mjs'),
    environment: { ...options.environment, ...fn.environment },
    endpointUrl: aws.url,
    credentials: aws.registerPrincipal({
      arn: `arn:aws:sts::${aws.accountId}:assumed-role/refresher/${fn.name}`,
      policies: fn.policyDocuments as PolicyDocument[],
    }),
    timeoutMs: options.timeoutMs ?? fn.timeoutSeconds * 1000,
    ...(options.nodeArguments === undefined ? {} : { nodeArguments: options.nodeArguments }),
    memoryMegabytes: fn.memoryMiB,
    onLine: (line) => {
      for (const listener of listeners) listener(line);
    },
  });
  aws.registerFunction({
    name: fn.name,
    ...(fn.reservedConcurrency === undefined ? {} : { concurrency: fn.reservedConcurrency }),
    invoke: process.invoke,
  });

  const lambda = new LambdaClient({ ...clientOptions, credentials: administrator });
  const invoke = async (event: object, type: 'RequestResponse' | 'Event' = 'RequestResponse') => {
    const command = new InvokeCommand({
      FunctionName: fn.name,
      InvocationType: type,
      Payload: Buffer.from(JSON.stringify(event)),
    });
    const { FunctionError, Payload } = await lambda.send(command);
    const answer = Payload && Payload.length > 0 ? JSON.parse(Buffer.from(Payload).toString()) : {};
    if (FunctionError !== undefined)
      throw Object.assign(new Error(answer.errorMessage), { name: answer.errorType, payload: answer });
    return answer;
  };
  aws.secretsManager.onSecretLabelUpdated((event) => invoke(event, 'Event'));

  const readerPolicies = policiesOfRole(assembly, LOCAL_PLACE, READER_ROLE);
  const reader = aws.registerPrincipal({
    arn: `arn:aws:sts::${aws.accountId}:assumed-role/${READER_ROLE}/job`,
    policies: readerPolicies,
  });
  const ssm = new SSMClient({ ...clientOptions, credentials: reader });
  const { TOKEN_PARAMETER, STATUS_PARAMETER } = fn.environment as Record<string, string>;

  return {
    now,
    realMs,
    authorizationServer,
    aws,
    assembly,
    fn,
    process,
    administrator,
    reader,
    tokens,
    clearFaults() {
      aws.faults.clear();
      authorizationServer.faults.clear();
      recordTokens();
    },
    clientSecrets,
    clientId: CLIENT_ID,
    secretName: SECRET_NAME,
    followLines: (listener) => listeners.add(listener),
    invoke: (event) => invoke(event),
    async read() {
      const names = [TOKEN_PARAMETER as string, STATUS_PARAMETER as string];
      const { Parameters } = await ssm.send(new GetParametersCommand({ Names: names, WithDecryption: true }));
      const token = Parameters?.find(({ Name }) => Name === TOKEN_PARAMETER);
      const status = Parameters?.find(({ Name }) => Name === STATUS_PARAMETER)?.Value;
      if (token?.Value === undefined || token.Version === undefined) return undefined;
      return {
        accessToken: token.Value,
        version: token.Version,
        status: status === undefined ? undefined : JSON.parse(status),
      };
    },
    async changeSecret() {
      const secret = newSecret();
      clientSecrets.push(secret);
      authorizationServer.replaceClientSecret(CLIENT_ID, secret);
      const value = { SecretId: SECRET_NAME, SecretString: secretString(clientSecrets) };
      await secrets.send(new PutSecretValueCommand(value));
    },
    async close() {
      for (const client of [secrets, lambda, ssm]) client.destroy();
      await aws.lambda.settled();
      await process.stop();
      await Promise.all([aws.close(), beside === undefined && authorizationServer.close()]);
    },
  };
}

async function startServer(
  { speed = 1, lifetimeSeconds = 3600, knows = {} }: FunctionHarnessOptions,
  clientSecret: string,
): Promise<AuthorizationServer> {
  return await startAuthorizationServer({
    ...knows,
    clients: [
      { clientId: CLIENT_ID, clientSecret, authMethod: 'client_secret_basic' },
      ...(knows.clients ?? []),
    ],
    lifetimeSeconds: lifetimeSeconds / speed,
  });
}

function defined(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** Random, so that it is found in printed text only if it leaked. */
function newSecret(): string {
  return randomBytes(24).toString('base64url');
}

function secretString(clientSecrets: readonly string[]): string {
  return JSON.stringify({ client_id: CLIENT_ID, client_secret: clientSecrets.at(-1) });
}
