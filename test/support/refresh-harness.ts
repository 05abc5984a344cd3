import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import {
  DeleteParameterCommand,
  GetParametersCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import type { ProviderSettings } from '../../lambda/contract.ts';
import { parseEvent } from '../../lambda/event.ts';
import { createMinter } from '../../lambda/mint/create-minter.ts';
import { createReadSecret } from '../../lambda/mint/secret.ts';
import { createClock } from '../../lambda/refresh/clock.ts';
import { openParameters } from '../../lambda/refresh/parameters.ts';
import {
  createMemory,
  type Memory,
  type Observations,
  type RefreshResult,
  refresh,
} from '../../lambda/refresh/refresh.ts';
import { parseStatus, type Status } from '../../lambda/refresh/status.ts';
import { sourceOf } from '../../lambda/source.ts';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../local/authorization-server/authorization-server.ts';
import { type AwsEndpoint, startAwsEndpoint } from '../../local/aws/endpoint.ts';

const MINUTE = 60_000;

/** One function's instance: what it remembers, and what its invocations saw. */
export interface Instance {
  invoke(event?: object): Promise<RefreshResult>;
  readonly memory: Memory;
  readonly seen: Observations[];
}

/** The refresher in this process, between a real authorization server and the AWS endpoint, on a clock that is set by hand. */
export interface RefreshHarness {
  readonly aws: AwsEndpoint;
  readonly server: AuthorizationServer;
  now(): Date;
  advance(ms: number): void;
  /** Makes an instance of the function that remembers nothing. */
  instance(configured?: { readonly scope?: string; readonly encryptionKeyArn?: string }): Instance;
  /** What a job reads; undefined where there is no token. */
  read(): Promise<
    { readonly accessToken: string; readonly version: number; readonly status: Status | null } | undefined
  >;
  overwrite(accessToken: string): Promise<void>;
  writeStatus(value: string): Promise<void>;
  deleteToken(): Promise<void>;
  storeSecret(clientSecret: string): Promise<void>;
  close(): Promise<void>;
}

const tokenParameter = '/ci/test/access-token';
const statusParameter = '/ci/test/token-status';
const clientId = 'refresher';
export const clientSecret = 'c4n4ry-client-secret';

/** Starts both servers, with the secret stored and no token yet. */
export async function openRefreshHarness(
  options: {
    readonly refreshIntervalMs?: number;
    readonly longestJobMs?: number;
    readonly hasProbe?: boolean;
  } = {},
): Promise<RefreshHarness> {
  const { refreshIntervalMs = 50 * MINUTE, longestJobMs, hasProbe = false } = options;
  // From the machine's time on: the authorization server's tokens expire by that.
  let nowMs = Math.floor(Date.now() / 1000) * 1000;
  const now = () => new Date(nowMs);
  const server = await startAuthorizationServer({
    clients: [{ clientId, clientSecret, authMethod: 'client_secret_basic' }],
    now,
  });
  const aws = await startAwsEndpoint({ region: 'eu-central-1', accountId: '111122223333', now });
  const clientOptions = {
    region: aws.region,
    endpoint: aws.url,
    credentials: aws.iam.registerAdministrator(),
    maxAttempts: 2,
  };
  const ssm = new SSMClient(clientOptions);
  const secrets = new SecretsManagerClient(clientOptions);
  const secretString = (value: string) => JSON.stringify({ client_id: clientId, client_secret: value });
  const { ARN: secretArn = '' } = await secrets.send(
    new CreateSecretCommand({ Name: 'test', SecretString: secretString(clientSecret) }),
  );

  return {
    aws,
    server,
    now,
    advance(ms) {
      nowMs += ms;
    },
    instance({ scope, encryptionKeyArn } = {}) {
      const memory = createMemory();
      const seen: Observations[] = [];
      const clock = createClock(now);
      const providerSettings: ProviderSettings = {
        provider: 'oauth2',
        tokenUrl: server.tokenUrl,
        ...(scope === undefined ? {} : { scope }),
        ...(hasProbe ? { probeUrl: server.probeUrl } : {}),
      };
      const minter = createMinter({
        config: {
          providerSettings,
          secretArn,
          assumedLifetimeMs: 15 * MINUTE,
        },
        now: clock.now,
        readSecret: createReadSecret({ secretArn, client: secrets }),
      });
      const parameters = openParameters({
        tokenParameter,
        statusParameter,
        encryptionKeyArn,
        client: ssm,
      });
      return {
        memory,
        seen,
        async invoke(event = {}) {
          const request = parseEvent(event);
          if (request.kind === 'diagnose') throw new Error('not a refresh');
          const observations: Observations = { remainingMs: null, warnings: [] };
          seen.push(observations);
          return await refresh({
            request,
            parameters,
            loadMinter: async () => minter,
            hasProbe,
            clock,
            policy: {
              refreshIntervalMs,
              longestJobMs,
              source: sourceOf(providerSettings, secretArn),
              encryptionKey: encryptionKeyArn ?? null,
            },
            provider: 'oauth2',
            memory,
            observations,
            signal: AbortSignal.timeout(10_000),
            recordingSignal: () => AbortSignal.timeout(5_000),
          });
        },
      };
    },
    async read() {
      const names = [tokenParameter, statusParameter];
      const { Parameters = [] } = await ssm.send(
        new GetParametersCommand({ Names: names, WithDecryption: true }),
      );
      const token = Parameters.find(({ Name }) => Name === tokenParameter);
      const status = Parameters.find(({ Name }) => Name === statusParameter)?.Value;
      if (token?.Value === undefined || token.Version === undefined) return undefined;
      return {
        accessToken: token.Value,
        version: token.Version,
        status: status === undefined ? null : parseStatus(status),
      };
    },
    async overwrite(accessToken) {
      await ssm.send(
        new PutParameterCommand({
          Name: tokenParameter,
          Value: accessToken,
          Type: 'SecureString',
          Overwrite: true,
        }),
      );
    },
    async writeStatus(value) {
      await ssm.send(
        new PutParameterCommand({ Name: statusParameter, Value: value, Type: 'String', Overwrite: true }),
      );
    },
    async deleteToken() {
      await ssm.send(new DeleteParameterCommand({ Name: tokenParameter }));
    },
    async storeSecret(value) {
      await secrets.send(
        new PutSecretValueCommand({ SecretId: secretArn, SecretString: secretString(value) }),
      );
    },
    async close() {
      ssm.destroy();
      secrets.destroy();
      await Promise.all([aws.close(), server.close()]);
    },
  };
}
