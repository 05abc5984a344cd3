import type { IncomingMessage } from 'node:http';
import { AwsError } from './aws-error.ts';
import { functionName } from './lambda.ts';
import type { JsonObject, ServiceName } from './operation.ts';

const STS_VERSION = '2011-06-15';
const TARGETS: Readonly<Record<string, ServiceName>> = { AmazonSSM: 'ssm', secretsmanager: 'secretsmanager' };
/** Headers of an Invoke that are neither the signature's nor the client's name. */
const ASKED = /^x-amz-(?!date|security-token|content-sha256|user-agent)/;
const UNKNOWN_CALLER = 'UnrecognizedClientException';

/** A decoded request. */
export interface WireRequest {
  readonly service: ServiceName;
  readonly operation: string;
  readonly input: JsonObject;
  /** What it is about, for faults to match on: parameter names, the secret id or the function's name. */
  readonly names: readonly string[];
}

/** An encoded response. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Decodes a request: AWS JSON 1.1 (Parameter Store, Secrets Manager), REST (Lambda's Invoke), Query (STS).
 *
 * @throws AwsError `UnknownOperationException`
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 */
export async function readRequest(request: IncomingMessage): Promise<WireRequest> {
  const body = Buffer.concat(await request.toArray()).toString('utf8');
  const invoked = /^\/2015-03-31\/functions\/([^/?]+)\/invocations/.exec(request.url ?? '')?.[1];
  if (invoked !== undefined) {
    const FunctionName = functionName(decodeURIComponent(invoked));
    // What else an SDK can ask of Invoke is in headers and in the query: nothing is silently ignored.
    const { searchParams } = new URL(`http://${request.headers.host}${request.url}`);
    const others = [...searchParams, ...Object.entries(request.headers).filter(([name]) => ASKED.test(name))];
    const input = { ...Object.fromEntries(others), FunctionName, Payload: body };
    return { service: 'lambda', operation: 'Invoke', input, names: [FunctionName] };
  }
  const [prefix = '', operation = ''] = String(request.headers['x-amz-target']).split('.');
  const service = TARGETS[prefix];
  if (service !== undefined) {
    const input = JSON.parse(body) as JsonObject;
    const names = [input.Name, input.Names, input.SecretId].flat().filter((name) => typeof name === 'string');
    return { service, operation, input, names };
  }
  const { Version, Action = '', ...input } = Object.fromEntries(new URLSearchParams(body));
  if (Version === STS_VERSION) return { service: 'sts', operation: Action, input, names: [] };
  throw new AwsError(
    'UnknownOperationException',
    'The endpoint serves SSM, Secrets Manager, STS and Lambda Invoke.',
  );
}

/** Takes the access key id out of the Signature Version 4 credential scope; the signature is not verified. */
export function accessKeyIdOf(request: IncomingMessage): string | undefined {
  return /Credential=([^/,\s]+)\//.exec(request.headers.authorization ?? '')?.[1];
}

/** Encodes an operation's output in the protocol of its service. */
export function encodeAnswer(
  { service, operation }: WireRequest,
  output: JsonObject,
  requestId: string,
): WireAnswer {
  if (service === 'lambda') {
    const { FunctionError, Payload } = output;
    const failed = FunctionError === undefined ? {} : { 'x-amz-function-error': String(FunctionError) };
    return {
      status: 200,
      headers: { 'x-amz-executed-version': '$LATEST', ...failed },
      body: String(Payload),
    };
  }
  if (service === 'sts') {
    const body = xmlOf({
      [`${operation}Response`]: {
        [`${operation}Result`]: output,
        ResponseMetadata: { RequestId: requestId },
      },
    });
    return { status: 200, headers: { 'content-type': 'text/xml' }, body };
  }
  return { status: 200, headers: JSON_TYPE, body: JSON.stringify(output) };
}

/** Errors that have other names in the Query protocol. */
const QUERY_CODES: Readonly<Record<string, string>> = {
  [UNKNOWN_CALLER]: 'InvalidClientTokenId',
  ValidationException: 'ValidationError',
};

const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.1' };

/** Encodes an error in the protocol of the request's service. */
export function encodeError(
  { code, message, status }: AwsError,
  service: ServiceName | undefined,
  requestId: string,
): WireAnswer {
  if (service === 'sts') {
    const Code = QUERY_CODES[code] ?? code;
    const body = xmlOf({
      ErrorResponse: { Error: { Type: 'Sender', Code, Message: message }, RequestId: requestId },
    });
    return { status: code === UNKNOWN_CALLER ? 403 : status, headers: { 'content-type': 'text/xml' }, body };
  }
  if (service === 'lambda') {
    return {
      status: ['AccessDeniedException', UNKNOWN_CALLER].includes(code) ? 403 : status,
      headers: { 'content-type': 'application/json', 'x-amzn-errortype': code },
      body: JSON.stringify({ message, Message: message }),
    };
  }
  // ParameterNotFound has no message. Secrets Manager, and denied calls, write `Message` with a capital.
  const member = service === 'secretsmanager' || code === 'AccessDeniedException' ? 'Message' : 'message';
  const text = message === '' ? {} : { [member]: message };
  return { status, headers: JSON_TYPE, body: JSON.stringify({ __type: code, ...text }) };
}

function xmlOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  }
  return Object.entries(value)
    .map(([name, member]) => `<${name}>${xmlOf(member)}</${name}>`)
    .join('');
}
