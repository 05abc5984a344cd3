import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { AwsError } from './aws-error.ts';
import type { CallSummary, Fault, Faults } from './faults.ts';
import { accessDenied, evaluate, type PrincipalRegistry, type RecordedCall } from './iam.ts';
import {
  accessKeyId,
  errorAnswer,
  jsonAnswer,
  namesOf,
  parseRequest,
  readBody,
  type WireAnswer,
  type WireRequest,
} from './json-protocol.ts';
import type { Lambda } from './lambda.ts';
import type { OperationCall, Permission, Place, Principal } from './operation.ts';
import { parameterArn, parseReference } from './parameter-names.ts';
import { unresolvedArn } from './secret-store.ts';
import type { SecretsManager } from './secrets-manager.ts';
import type { Ssm } from './ssm.ts';
import type { Sts } from './sts.ts';

/** A record of one request and its result. */
export interface RecordedRequest extends CallSummary {
  readonly principal: string | undefined;
  readonly at: Date;
  /** `ok`, AWS's error code, or `no-answer` if a fault suppressed the response. */
  outcome: string;
}

/** Thrown inside the handler if a fault suppresses the response. */
class NoAnswer extends Error {
  readonly cut: boolean;

  constructor(cut: boolean) {
    super('a fault suppressed the response');
    this.cut = cut;
  }
}

interface Parts {
  readonly place: Place;
  readonly now: () => Date;
  readonly ssm: Ssm;
  readonly secretsManager: SecretsManager;
  readonly lambda: Lambda;
  readonly sts: Sts;
  readonly iam: PrincipalRegistry;
  readonly faults: Faults;
  readonly calls: RecordedCall[];
  readonly requests: RecordedRequest[];
}

/**
 * Makes the listener. Each request goes through the same steps: identify the caller, apply faults, run the operation with
 * its permission checks, respond.
 */
export function createRequestHandler(parts: Parts): RequestListener {
  return (request, response) => {
    handle(parts, request, response).catch(() => response.destroy());
  };
}

async function handle(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = randomUUID();
  let parsed: WireRequest | undefined;
  let record: RecordedRequest | undefined;
  let answer: WireAnswer;
  let faults: readonly Fault[] = [];
  try {
    parsed = parseRequest(request, await readBody(request));
    const summary: CallSummary = {
      service: parsed.service,
      operation: parsed.operation,
      requestId,
      names: namesOf(parsed),
    };
    const principal = isUnsigned(parsed) ? ANONYMOUS : identify(parts, request);
    record = { ...summary, principal: principal.arn, at: parts.now(), outcome: 'no-answer' };
    parts.requests.push(record);
    faults = parts.faults.take(summary, parts.now());
    await applyBefore(faults, summary, parts.place, principal);
    answer = await execute(parts, parsed, summary, principal, faults.some(isKind('stale-read')));
    await applyAfter(faults, summary);
    record.outcome = 'ok';
  } catch (error) {
    if (error instanceof NoAnswer) {
      if (error.cut) response.destroy();
      return;
    }
    const failure = asAwsError(error);
    if (record) record.outcome = failure.code;
    answer = errorAnswer(failure, parsed, requestId);
  }
  response.setHeader('Date', parts.now().toUTCString());
  response.setHeader('x-amzn-requestid', requestId);
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  response.statusCode = answer.status;
  const body = Buffer.from(answer.body);
  response.setHeader('Content-Length', body.length);
  if (faults.some(isKind('cut-half-way-through-answer'))) {
    if (record) record.outcome = 'no-answer';
    response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
    return;
  }
  response.end(body);
}

/** Who calls without credentials. */
const ANONYMOUS: Principal = { arn: 'anonymous', policies: [] };

/** The caller proves who it is by the token that it sends. */
function isUnsigned(request: WireRequest): boolean {
  return request.service === 'sts' && request.operation === 'AssumeRoleWithWebIdentity';
}

function identify({ iam, now }: Pick<Parts, 'iam' | 'now'>, request: IncomingMessage): Principal {
  const keyId = accessKeyId(request);
  if (keyId === undefined) {
    throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  const principal = iam.find(keyId);
  if (!principal) {
    throw new AwsError(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  }
  if (principal.expiresAt !== undefined && principal.expiresAt <= now()) {
    throw new AwsError('ExpiredTokenException', 'The security token included in the request is expired');
  }
  return principal;
}

async function applyBefore(
  faults: readonly Fault[],
  call: CallSummary,
  place: Place,
  principal: Principal,
): Promise<void> {
  for (const fault of faults) {
    switch (fault.kind) {
      case 'throttle':
        throw call.service === 'lambda'
          ? new AwsError('TooManyRequestsException', 'Rate Exceeded.', {
              status: 429,
              fields: { Reason: 'CallerRateLimitExceeded', Type: 'User' },
            })
          : new AwsError('ThrottlingException', 'Rate exceeded');
      case 'deny':
        throw accessDenied(principal.arn, deniedPermission(call, place), 'no-allow');
      case 'server-error':
        throw new AwsError(
          call.service === 'ssm' ? 'InternalServerError' : 'InternalServiceError',
          'Internal error',
          {
            status: fault.status ?? 500,
          },
        );
      case 'hang':
        throw new NoAnswer(false);
      case 'cut-before-executing':
        throw new NoAnswer(true);
      case 'delay':
        await fault.until;
        break;
      case 'before-executing':
        await fault.run(call);
        break;
    }
  }
}

async function applyAfter(faults: readonly Fault[], call: CallSummary): Promise<void> {
  for (const fault of faults) {
    if (fault.kind === 'after-executing') await fault.run(call);
    if (fault.kind === 'cut-after-executing') throw new NoAnswer(true);
  }
}

async function execute(
  parts: Parts,
  request: WireRequest,
  summary: CallSummary,
  principal: Principal,
  stale: boolean,
): Promise<WireAnswer> {
  const call: OperationCall = {
    requestId: summary.requestId,
    principal,
    now: parts.now(),
    stale,
    authorize: (permission) => authorize(parts, summary, principal, permission),
  };
  if (request.protocol === 'lambda') return await parts.lambda.invoke(request, call);
  if (request.protocol === 'query') {
    const { operation, input } = request;
    const { now, requestId } = call;
    const body = await parts.sts.execute({ operation, input, principal, now, requestId });
    return { status: 200, headers: { 'content-type': 'text/xml' }, body };
  }
  const service = request.service === 'ssm' ? parts.ssm : parts.secretsManager;
  const operation = service.operations[request.operation];
  if (!operation) {
    throw new AwsError('UnknownOperationException', `The endpoint does not serve ${request.operation}.`);
  }
  return jsonAnswer(operation(request.input, call));
}

function authorize(parts: Parts, summary: CallSummary, principal: Principal, permission: Permission): void {
  const verdict = evaluate(principal.policies, {
    ...permission,
    principalArn: principal.arn,
    context: { 'aws:RequestedRegion': parts.place.region, ...permission.context },
  });
  const allowed = verdict === 'allowed';
  if (!permission.implied || !allowed) {
    parts.calls.push({
      service: summary.service,
      operation: summary.operation,
      iamAction: permission.action,
      resource: permission.resource,
      principal: principal.arn,
      allowed,
      at: parts.now(),
      requestId: summary.requestId,
    });
  }
  if (!allowed) throw accessDenied(principal.arn, permission, verdict);
}

function deniedPermission(call: CallSummary, place: Place): Permission {
  const name = call.names[0] ?? '*';
  const { region, accountId } = place;
  if (call.service === 'ssm') {
    return { action: `ssm:${call.operation}`, resource: parameterArn(place, parseReference(name).name) };
  }
  if (call.service === 'lambda') {
    return {
      action: 'lambda:InvokeFunction',
      resource: `arn:aws:lambda:${region}:${accountId}:function:${name}`,
    };
  }
  return { action: `${call.service}:${call.operation}`, resource: unresolvedArn(place, name) };
}

function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  // A bug of the endpoint must not look like an error of AWS.
  console.error(error);
  return new AwsError('InternalFailure', 'The endpoint itself failed; its error is on stderr.', {
    status: 500,
  });
}

function isKind(kind: Fault['kind']): (fault: Fault) => boolean {
  return (fault) => fault.kind === kind;
}
