import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ServerCertificate } from '../server-certificate.ts';
import { AwsError } from './aws-error.ts';
import { type CallSummary, createFaults, type Fault } from './faults.ts';
import { accessDenied, createPrincipalRegistry, isAllowed } from './iam.ts';
import { createKms } from './kms.ts';
import { createLambda } from './lambda.ts';
import type { JsonObject, Operation, Permission, Principal, ServiceName } from './operation.ts';
import { createSecretsManager } from './secrets-manager.ts';
import { createSsm } from './ssm.ts';
import { createSts } from './sts.ts';
import {
  accessKeyIdOf,
  encodeAnswer,
  encodeError,
  readRequest,
  type WireAnswer,
  type WireRequest,
} from './wire.ts';

/** One permission that was checked; holds names only, never a value. */
interface RecordedCall {
  readonly iamAction: string;
  readonly resource: string;
  readonly principal: string;
  readonly allowed: boolean;
}

/** An AWS account on a loopback port, with access to its state for tests. */
export type AwsEndpoint = Awaited<ReturnType<typeof startAwsEndpoint>>;

/** Who calls without credentials. */
const ANONYMOUS: Principal = { arn: 'anonymous', policies: [] };

/** The caller proves who it is by the token that it sends. */
const UNSIGNED = 'AssumeRoleWithWebIdentity';

/** Thrown if a fault cuts the connection. */
class NoAnswer extends Error {}

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
}) {
  const { region, accountId, now = () => new Date(), certificate } = options;
  const place = { region, accountId };
  const kms = createKms(place);
  const ssm = createSsm(place, kms);
  const lambda = createLambda(place);
  const secretsManager = createSecretsManager(place, kms, lambda);
  const iam = createPrincipalRegistry(place);
  const sts = createSts(place, iam);
  const faults = createFaults();
  const calls: RecordedCall[] = [];
  const requests: CallSummary[] = [];

  /** Every operation that is served. */
  const table: Readonly<Record<ServiceName, Record<string, Operation<JsonObject | Promise<JsonObject>>>>> = {
    ssm: ssm.operations,
    secretsmanager: secretsManager.operations,
    sts: sts.operations,
    lambda: lambda.operations,
  };

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => response.destroy());
  };
  const server = certificate === undefined ? createServer(listener) : createTlsServer(certificate, listener);
  // Clients keep connections open between beats; the default of five seconds could close one during a request.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    ...place,
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    ...{ ssm, secretsManager, kms, lambda, sts, iam, faults },
    /** Every permission check of every call, in order; no values. */
    calls: calls as readonly RecordedCall[],
    /** Every request, in order; no values. */
    requests: requests as readonly CallSummary[],
    rotated: secretsManager.rotated,
    /** Calls an operation of Parameter Store or Secrets Manager with every permission, past all faults. */
    administer(operation: string, input: JsonObject): JsonObject {
      const execute = ssm.operations[operation] ?? secretsManager.operations[operation];
      if (execute === undefined) throw new Error(`The endpoint does not serve ${operation}.`);
      const principal = { arn: `arn:aws:iam::${accountId}:user/administrator`, policies: [] };
      const call = { requestId: randomUUID(), principal, now: now(), authorize: () => {} };
      return execute(input, call);
    },
    /** Cuts all connections and stops listening. */
    async close(): Promise<void> {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };

  /** Each request goes through the same steps: identify the caller, apply faults, run the operation, respond. */
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    let decoded: WireRequest | undefined;
    let met: readonly Fault[] = [];
    let answer: WireAnswer;
    try {
      decoded = await readRequest(request);
      const { service, operation, names } = decoded;
      const principal = operation === UNSIGNED ? ANONYMOUS : identify(request);
      const summary: CallSummary = { service, operation, names };
      requests.push(summary);
      met = faults.take(summary);
      const meets = (kind: Fault['kind']) => met.some((fault) => fault.kind === kind);
      await runHooks(met, 'before-executing');
      if (meets('throttle')) throw new AwsError('ThrottlingException', 'Rate exceeded');
      if (meets('hang')) return;
      if (meets('cut-before-executing')) throw new NoAnswer();
      const execute = table[service][operation];
      if (!execute)
        throw new AwsError('UnknownOperationException', `The endpoint does not serve ${operation}.`);
      const output = await execute(decoded.input, {
        requestId,
        principal,
        now: now(),
        authorize: (permission) => authorize(principal, permission, meets('deny')),
      });
      answer = encodeAnswer(decoded, output, requestId);
      await runHooks(met, 'after-executing');
      if (meets('cut-after-executing')) throw new NoAnswer();
    } catch (error) {
      if (error instanceof NoAnswer) {
        response.destroy();
        return;
      }
      answer = encodeError(asAwsError(error), decoded?.service, requestId);
    }
    const body = Buffer.from(answer.body);
    response.writeHead(answer.status, {
      Date: now().toUTCString(),
      'x-amzn-requestid': requestId,
      ...answer.headers,
      'Content-Length': body.length,
    });
    if (!met.some(({ kind }) => kind === 'cut-half-way-through-answer')) response.end(body);
    else response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
  }

  function identify(request: IncomingMessage): Principal {
    const accessKeyId = accessKeyIdOf(request);
    if (accessKeyId === undefined)
      throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
    const principal = iam.find(accessKeyId);
    const token = 'The security token included in the request is';
    if (!principal) throw new AwsError('UnrecognizedClientException', `${token} invalid.`);
    if (principal.expiresAt !== undefined && principal.expiresAt <= now())
      throw new AwsError('ExpiredTokenException', `${token} expired`);
    return principal;
  }

  function authorize(principal: Principal, permission: Permission, isDenied: boolean): void {
    const context = { 'aws:RequestedRegion': region, ...permission.context };
    const request = { ...permission, principalArn: principal.arn, context };
    const allowed = !isDenied && isAllowed(principal.policies, request);
    const { action: iamAction, resource } = permission;
    calls.push({ iamAction, resource, principal: principal.arn, allowed });
    if (!allowed) throw accessDenied(principal.arn, permission);
  }
}

async function runHooks(met: readonly Fault[], kind: Fault['kind']): Promise<void> {
  for (const fault of met) if (fault.kind === kind && 'run' in fault) await fault.run();
}

function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  // A bug of the endpoint must not look like an error of AWS.
  console.error(error);
  return new AwsError('InternalFailure', 'The endpoint itself failed; its error is on stderr.', 500);
}
