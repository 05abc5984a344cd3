import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { FunctionEnvironment } from '../lambda/contract.ts';
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from './authorization-server/authorization-server.ts';
import { type AwsEndpoint, startAwsEndpoint } from './aws/endpoint.ts';
import { createCertificateAuthority } from './certificate-authority.ts';

/** What a process of the function needs: an AWS endpoint on loopback with a live token, and an authorization server. */
export interface ProcessHarness {
  readonly aws: AwsEndpoint;
  readonly server: AuthorizationServer;
  /** The environment of a function's process: Lambda's variables and the template's. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the token's parameter holds. */
  readToken(): Promise<string | undefined>;
  close(): Promise<void>;
}

const TOKEN_PARAMETER = '/ci/bench/access-token';
const STATUS_PARAMETER = '/ci/bench/token-status';
const CLIENT = { clientId: 'bench', clientSecret: 'bench-client-secret' };

/**
 * Starts both servers and stores a token.
 *
 * @param options `isDue`: the token has expired, so that a mint replaces it; otherwise it lives for hours. `hasProbe`: the
 * provider has a probe, as Genesys Cloud has. `overTls`: the AWS endpoint speaks HTTPS, as AWS does; the process is told to
 * trust its authority
 */
export async function openProcessHarness(
  options: { readonly isDue?: boolean; readonly hasProbe?: boolean; readonly overTls?: boolean } = {},
): Promise<ProcessHarness> {
  const place = { region: 'eu-central-1', accountId: '111122223333' };
  const tls = options.overTls ? await createTls() : undefined;
  const aws = await startAwsEndpoint({ ...place, ...(tls ? { certificate: tls.certificate } : {}) });
  const server = await startAuthorizationServer({
    clients: [{ ...CLIENT, authMethod: 'client_secret_basic' }],
  });
  const credentials = aws.iam.registerAdministrator();
  const client = { region: aws.region, endpoint: aws.url, credentials, ...tls?.client };
  const ssm = new SSMClient(client);
  const secretArn = await storeSecret(client);
  await ssm.send(new PutParameterCommand({ Name: TOKEN_PARAMETER, Value: 'first', Type: 'SecureString' }));
  await ssm.send(
    new PutParameterCommand({ Name: STATUS_PARAMETER, Value: statusOf(options.isDue), Type: 'String' }),
  );
  const template: FunctionEnvironment = {
    TOKEN_NAME: 'bench',
    PROVIDER_SETTINGS: JSON.stringify({
      provider: 'oauth2',
      tokenUrl: server.tokenUrl,
      ...(options.hasProbe ? { probeUrl: server.probeUrl } : {}),
    }),
    SECRET_ARN: secretArn,
    TOKEN_PARAMETER,
    STATUS_PARAMETER,
    REFRESH_INTERVAL_SECONDS: '3000',
    ASSUMED_LIFETIME_SECONDS: '900',
  };
  return {
    aws,
    server,
    environment: {
      ...template,
      PATH: process.env.PATH ?? '',
      TOKEN_URL: server.tokenUrl,
      AWS_REGION: aws.region,
      AWS_ENDPOINT_URL: aws.url,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      AWS_LAMBDA_FUNCTION_NAME: 'bench',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      ...tls?.environment,
    },
    async readToken() {
      const command = new GetParameterCommand({ Name: TOKEN_PARAMETER, WithDecryption: true });
      return (await ssm.send(command)).Parameter?.Value;
    },
    async close() {
      ssm.destroy();
      await server.close();
      await aws.close();
      await tls?.remove();
    },
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

async function storeSecret(settings: ConstructorParameters<typeof SecretsManagerClient>[0]) {
  const client = new SecretsManagerClient(settings ?? {});
  const SecretString = JSON.stringify({ client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret });
  const { ARN = '' } = await client.send(new CreateSecretCommand({ Name: 'bench', SecretString }));
  client.destroy();
  return ARN;
}

function statusOf(isDue = false): string {
  const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
  return JSON.stringify({
    schemaVersion: 1,
    tokenVersion: 1,
    fingerprint: '9f86d081884c',
    issuedAt: inMinutes(isDue ? -60 : -10),
    expiresAt: inMinutes(isDue ? -1 : 1_000),
    refreshDueAt: inMinutes(isDue ? -10 : 900),
    provider: 'oauth2',
    lastFailure: null,
  });
}
