import type { IncomingMessage } from 'node:http';
import { AwsError } from './aws-error.ts';
import { functionName } from './lambda.ts';
import type { JsonObject, ServiceName } from './operation.ts';
import { queryError } from './sts.ts';

const maxBodyBytes = 8 * 1024 * 1024;

/** A decoded request. */
export type WireRequest =
  | {
      readonly protocol: 'json';
      readonly service: ServiceName;
      readonly operation: string;
      readonly input: JsonObject;
    }
  | {
      readonly protocol: 'lambda';
      readonly service: 'lambda';
      readonly operation: 'Invoke';
      readonly target: string;
      readonly type: string;
      readonly body: string;
    }
  | {
      readonly protocol: 'query';
      readonly service: 'sts';
      readonly operation: string;
      readonly input: URLSearchParams;
    };

/** An encoded response. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const targets: Readonly<Record<string, ServiceName>> = { AmazonSSM: 'ssm', secretsmanager: 'secretsmanager' };

/** Reads a request body whole. @throws AwsError above 8 MiB */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > maxBodyBytes) {
      throw new AwsError('RequestEntityTooLargeException', 'Request is too large.', { status: 413 });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Finds the protocol, service and operation of a request: AWS JSON 1.1 (Parameter Store, Secrets Manager), REST
 * (Lambda's Invoke), Query (STS).
 *
 * @throws AwsError `UnknownOperationException`, `SerializationException`
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 */
export function parseRequest(request: IncomingMessage, body: string): WireRequest {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const invoke = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(path);
  if (invoke?.[1] !== undefined) {
    return {
      protocol: 'lambda',
      service: 'lambda',
      operation: 'Invoke',
      target: decodeURIComponent(invoke[1]),
      type: header(request, 'x-amz-invocation-type') ?? 'RequestResponse',
      body,
    };
  }
  const [prefix = '', operation = ''] = (header(request, 'x-amz-target') ?? '').split('.');
  const service = targets[prefix];
  if (service) return { protocol: 'json', service, operation, input: parseInput(body) };
  const form = new URLSearchParams(body);
  if (form.get('Version') === '2011-06-15') {
    return { protocol: 'query', service: 'sts', operation: form.get('Action') ?? '', input: form };
  }
  throw new AwsError(
    'UnknownOperationException',
    'The endpoint serves SSM, Secrets Manager, STS and Lambda Invoke.',
  );
}

/** Names the things a request is about, for faults to match on. */
export function namesOf(request: WireRequest): string[] {
  if (request.protocol === 'lambda') return [functionName(request.target)];
  if (request.protocol === 'query') return [];
  const { Name, Names, SecretId, Path } = request.input;
  return [Name, Names, SecretId, Path].flat().filter((name) => typeof name === 'string');
}

/** Takes the access key id out of the Signature Version 4 credential scope; the signature is not verified. */
export function accessKeyId(request: IncomingMessage): string | undefined {
  return /Credential=([^/,\s]+)\//.exec(header(request, 'authorization') ?? '')?.[1];
}

/** Encodes a successful JSON output. */
export function jsonAnswer(output: JsonObject): WireAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify(output),
  };
}

/** Encodes an error in the request's protocol. */
export function errorAnswer(
  error: AwsError,
  request: WireRequest | undefined,
  requestId: string,
): WireAnswer {
  if (request?.protocol === 'query') {
    const code = error.code === 'UnrecognizedClientException' ? 'InvalidClientTokenId' : error.code;
    return {
      status: code === 'InvalidClientTokenId' ? 403 : error.status,
      headers: { 'content-type': 'text/xml' },
      body: queryError(code, error.message, requestId),
    };
  }
  if (request?.protocol === 'lambda') {
    const status =
      error.code === 'AccessDeniedException' || error.code === 'UnrecognizedClientException'
        ? 403
        : error.status;
    return {
      status,
      headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
      body: JSON.stringify({ ...error.fields, message: error.message, Message: error.message }),
    };
  }
  // ParameterNotFound has no message. Secrets Manager, and denied calls, write `Message` with a capital.
  const member =
    request?.service === 'secretsmanager' || error.code === 'AccessDeniedException' ? 'Message' : 'message';
  return {
    status: error.status,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({
      __type: error.code,
      ...error.fields,
      ...(error.message === '' ? {} : { [member]: error.message }),
    }),
  };
}

function parseInput(body: string): JsonObject {
  try {
    const input: unknown = JSON.parse(body === '' ? '{}' : body);
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as JsonObject;
  } catch {
    // Refused below, like any other body that is not an object.
  }
  throw new AwsError('SerializationException', 'The body is not a JSON object.');
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
