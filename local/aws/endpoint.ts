import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { ServerCertificate } from '../server-certificate.ts';
import { AwsError } from './aws-error.ts';
import { type CallSummary, createFaults, type Fault } from './faults.ts';
import { accessDenied, createPrincipalRegistry, evaluate, type RecordedCall } from './iam.ts';
import { createKms } from './kms.ts';
import { createLambda, tooManyRequests } from './lambda.ts';
import type { JsonObject, OperationCall, Permission, Principal, ServiceName } from './operation.ts';
import { createSecretsManager, type RotationRequest, unresolvedArn } from './secrets-manager.ts';
import { createSsm, parameterArn, parseReference } from './ssm.ts';
import { createSts } from './sts.ts';
import {
  accessKeyIdOf,
  encodeAnswer,
  encodeError,
  readRequest,
  type WireAnswer,
  type WireRequest,
} from './wire.ts';

/** A record of one request and its result. */
export interface RecordedRequest extends CallSummary {
  readonly principal: string;
  readonly at: Date;
  /** `ok`, AWS's error code, or `no-answer` if a fault suppressed the response. */
  outcome: string;
}

/** An AWS account on a loopback port, with access to its state for tests. */
export type AwsEndpoint = Awaited<ReturnType<typeof startAwsEndpoint>>;

/** Who calls without credentials. */
const ANONYMOUS: Principal = { arn: 'anonymous', policies: [] };

/** The caller proves who it is by the token that it sends. */
const UNSIGNED = 'AssumeRoleWithWebIdentity';

/** Thrown if a fault suppresses the response. */
class NoAnswer extends Error {
  readonly isCut: boolean;

  constructor(isCut: boolean) {
    super('A fault suppressed the response.');
    this.isCut = isCut;
  }
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
}) {
  const { region, accountId, now = () => new Date(), certificate } = options;
  const place = { region, accountId };
  const kms = createKms(place);
  const ssm = createSsm(place, kms);
  const secretsManager = createSecretsManager(place, kms);
  const lambda = createLambda(place, now);
  const rotations = new Set<Promise<void>>();
  secretsManager.onRotation((request) => {
    const rotation = runSteps(lambda, request);
    rotations.add(rotation);
    rotation.finally(() => rotations.delete(rotation));
  });
  const iam = createPrincipalRegistry(place);
  const sts = createSts(place, iam);
  const faults = createFaults();
  const calls: RecordedCall[] = [];
  const requests: RecordedRequest[] = [];

  /** Every operation that is served. */
  const table: Readonly<
    Record<
      ServiceName,
      Record<string, (input: Record<string, never>, call: OperationCall) => JsonObject | Promise<JsonObject>>
    >
  > = {
    ssm: ssm.operations,
    secretsmanager: secretsManager.operations,
    sts: sts.operations,
    lambda: { Invoke: lambda.invoke },
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
    requests: requests as readonly RecordedRequest[],
    /** Resolves when every rotation has ended, or has failed. */
    async rotated(): Promise<void> {
      while (rotations.size > 0) await Promise.all(rotations);
    },
    /** Calls an operation of Parameter Store or Secrets Manager with every permission, past all faults. */
    administer(operation: string, input: JsonObject): JsonObject {
      const execute = ssm.operations[operation] ?? secretsManager.operations[operation];
      if (execute === undefined) throw new Error(`The endpoint does not serve ${operation}.`);
      const principal = { arn: `arn:aws:iam::${accountId}:user/administrator`, policies: [] };
      const call = { requestId: randomUUID(), principal, now: now(), stale: false, authorize: () => {} };
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
    let record: RecordedRequest | undefined;
    let met: readonly Fault[] = [];
    let answer: WireAnswer;
    try {
      decoded = await readRequest(request);
      const { service, operation, names } = decoded;
      const summary: CallSummary = { service, operation, requestId, names };
      const principal = operation === UNSIGNED ? ANONYMOUS : identify(request);
      record = { ...summary, principal: principal.arn, at: now(), outcome: 'no-answer' };
      requests.push(record);
      met = faults.take(summary);
      await applyBefore(met, summary, principal);
      const execute = table[service][operation];
      if (!execute)
        throw new AwsError('UnknownOperationException', `The endpoint does not serve ${operation}.`);
      const output = await execute(decoded.input as Record<string, never>, {
        requestId,
        principal,
        now: now(),
        stale: met.some(({ kind }) => kind === 'stale-read'),
        authorize: (permission) => authorize(summary, principal, permission),
      });
      answer = encodeAnswer(decoded, output, requestId);
      await applyAfter(met, summary);
      record.outcome = 'ok';
    } catch (error) {
      if (error instanceof NoAnswer) {
        if (error.isCut) response.destroy();
        return;
      }
      const failure = asAwsError(error);
      if (record) record.outcome = failure.code;
      answer = encodeError(failure, decoded?.service, requestId);
    }
    const body = Buffer.from(answer.body);
    response.writeHead(answer.status, {
      Date: now().toUTCString(),
      'x-amzn-requestid': requestId,
      ...answer.headers,
      'Content-Length': body.length,
    });
    if (!met.some(({ kind }) => kind === 'cut-half-way-through-answer')) response.end(body);
    else {
      if (record) record.outcome = 'no-answer';
      response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
    }
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

  function authorize(summary: CallSummary, principal: Principal, permission: Permission): void {
    const verdict = evaluate(principal.policies, {
      ...permission,
      principalArn: principal.arn,
      context: { 'aws:RequestedRegion': region, ...permission.context },
    });
    const allowed = verdict === 'allowed';
    if (!permission.implied || !allowed) {
      const { service, operation, requestId } = summary;
      const { action: iamAction, resource } = permission;
      const call = { service, operation, iamAction, resource, principal: principal.arn, allowed };
      calls.push({ ...call, at: now(), requestId });
    }
    if (!allowed) throw accessDenied(principal.arn, permission, verdict);
  }

  async function applyBefore(met: readonly Fault[], call: CallSummary, principal: Principal): Promise<void> {
    for (const fault of met) {
      switch (fault.kind) {
        case 'throttle':
          throw call.service === 'lambda'
            ? tooManyRequests('CallerRateLimitExceeded')
            : new AwsError('ThrottlingException', 'Rate exceeded');
        case 'deny':
          throw accessDenied(principal.arn, deniedPermission(call), 'no-allow');
        case 'server-error': {
          const code = call.service === 'ssm' ? 'InternalServerError' : 'InternalServiceError';
          throw new AwsError(code, 'Internal error', { status: fault.status ?? 500 });
        }
        case 'hang':
          throw new NoAnswer(false);
        case 'cut-before-executing':
          throw new NoAnswer(true);
        case 'before-executing':
          await fault.run(call);
          break;
      }
    }
  }

  async function applyAfter(met: readonly Fault[], call: CallSummary): Promise<void> {
    for (const fault of met) {
      if (fault.kind === 'after-executing') await fault.run(call);
      if (fault.kind === 'cut-after-executing') throw new NoAnswer(true);
    }
  }

  function deniedPermission({ service, operation, names: [name = '*'] }: CallSummary): Permission {
    if (service === 'ssm')
      return { action: `ssm:${operation}`, resource: parameterArn(place, parseReference(name).name) };
    if (service === 'lambda')
      return {
        action: 'lambda:InvokeFunction',
        resource: `arn:aws:lambda:${region}:${accountId}:function:${name}`,
      };
    return { action: `${service}:${operation}`, resource: unresolvedArn(place, name) };
  }
}

/** Rotates a secret as Secrets Manager does: one step after the other, until one fails. */
async function runSteps(lambda: ReturnType<typeof createLambda>, request: RotationRequest): Promise<void> {
  const { secretArn: SecretId, token: ClientRequestToken } = request;
  // RotateSecret answers first.
  await setImmediate();
  for (const Step of request.steps) {
    const event = { Step, SecretId, ClientRequestToken };
    if ('failure' in (await lambda.invokeForService(request.functionArn, event))) return;
  }
}

function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  // A bug of the endpoint must not look like an error of AWS.
  console.error(error);
  return new AwsError('InternalFailure', 'The endpoint itself failed; its error is on stderr.', {
    status: 500,
  });
}
