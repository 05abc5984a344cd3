import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ServerCertificate } from '../certificate-authority.ts';
import { createFaults, type Faults } from './faults.ts';
import {
  type Credentials,
  createPrincipalRegistry,
  type PrincipalRegistry,
  type RecordedCall,
} from './iam.ts';
import { createKms, type Kms } from './kms.ts';
import { createLambda, type Lambda, type RegisteredFunction } from './lambda.ts';
import type { Place, Principal } from './operation.ts';
import { createRequestHandler, type RecordedRequest } from './request-handler.ts';
import { createSecretsManager, type SecretsManager } from './secrets-manager.ts';
import { createSsm, type Ssm } from './ssm.ts';
import { createSts, type Sts } from './sts.ts';

/** An AWS account on a loopback port, with access to its state for tests. */
export interface AwsEndpoint extends Place {
  readonly url: string;
  readonly port: number;
  readonly ssm: Ssm;
  readonly secretsManager: SecretsManager;
  readonly kms: Kms;
  readonly lambda: Lambda;
  readonly sts: Sts;
  readonly iam: PrincipalRegistry;
  readonly faults: Faults;
  /** Every permission check of every call, in order; no values. */
  readonly calls: readonly RecordedCall[];
  /** Every request, in order; no values. */
  readonly requests: readonly RecordedRequest[];
  /** Makes credentials for an identity with these policies. */
  registerPrincipal(principal: Principal & { accessKeyId?: string }): Credentials;
  /** Makes a function invocable over Lambda's Invoke. */
  registerFunction(fn: RegisteredFunction): void;
  /** Cuts all connections and stops listening. */
  close(): Promise<void>;
}

/**
 * Starts an AWS endpoint that speaks the real protocols to real SDKs and the real CLI: Parameter Store, Secrets
 * Manager, Lambda's Invoke and STS, with each call checked against the caller's IAM policies.
 *
 * @param options `now` is the endpoint's clock: all dates in answers and their `Date` header come from it. With a
 * `certificate` it speaks HTTPS, as AWS does; otherwise plain HTTP
 */
export async function startAwsEndpoint(options: {
  region: string;
  accountId: string;
  now?: () => Date;
  certificate?: ServerCertificate;
}): Promise<AwsEndpoint> {
  const { region, accountId, now = () => new Date(), certificate } = options;
  const place = { region, accountId };
  const kms = createKms(place);
  const ssm = createSsm(place, kms);
  const secretsManager = createSecretsManager(place, kms);
  const lambda = createLambda(place);
  const iam = createPrincipalRegistry(place);
  const sts = createSts(place, iam);
  const faults = createFaults();
  const calls: RecordedCall[] = [];
  const requests: RecordedRequest[] = [];

  const account = { ssm, secretsManager, kms, lambda, sts, iam, faults, calls, requests };
  const handle = createRequestHandler({ place, now, ...account });
  const server = certificate === undefined ? createServer(handle) : createTlsServer(certificate, handle);
  // Clients keep connections open between beats; the default of five seconds could close one during a request.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    region,
    accountId,
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    ...account,
    registerPrincipal: iam.register,
    registerFunction: lambda.register,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
