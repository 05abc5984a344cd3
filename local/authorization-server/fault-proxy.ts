import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { ClientRegistry } from './clients.ts';
import type { Fault, FaultScript, FaultyEndpoint } from './faults.ts';
import { BAD_CREDENTIALS, callerOf, json, RENEWAL_PATH, renewSecret, tellRoles } from './genesys-api.ts';
import type { Answer, Introspection, IssuerClient } from './issuer-client.ts';
import { ISSUER_PATHS } from './token-issuer.ts';

/** Paths that providers have besides the OAuth endpoints. */
export const DIALECT_PATHS = {
  probe: '/probe',
  genesysTokenInfo: '/api/v2/tokens/me',
  genesysRoles: '/api/v2/authorization/subjects/me',
  cxoneAccessKey: '/authentication/v1/token/access-key',
} as const;

/** A received request, with its credentials: for assertions, not for printing. */
export type RecordedRequest = {
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** All received requests, per endpoint, also those with a fault. */
export type RequestLog = Readonly<Record<FaultyEndpoint, RecordedRequest[]>>;

export type FaultProxyOptions = {
  readonly faults: FaultScript;
  readonly issuerClient: IssuerClient;
  readonly clients: ClientRegistry;
  readonly inspect: (token: string) => Promise<Introspection>;
  readonly log: RequestLog;
  readonly onMint: (token: string) => void;
  /** Ends every token of a client. */
  readonly endTokens: (clientId: string) => Promise<void>;
  readonly reset: (request: IncomingMessage) => void;
};

/**
 * Creates the proxy between a client and the authorization server. It records requests, plays the scripted faults, and
 * adds the routes and the token behaviour of single providers.
 */
export function createFaultProxy(options: FaultProxyOptions): RequestListener {
  const { faults, log } = options;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const method = request.method ?? 'GET';
    const path = request.url ?? '/';
    const body = await readBody(request);
    const endpoint = endpointOf(path);
    if (endpoint !== undefined) log[endpoint].push(record(request, body));

    const fault = endpoint === undefined ? undefined : faults.take(endpoint);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'reset') return options.reset(request);
    if (fault?.kind === 'answer') {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    }
    if (fault?.kind === 'delay') await (typeof fault.until === 'function' ? fault.until() : fault.until);

    const answer = await (endpoint === 'renewal'
      ? renewSecret(options, request, path)
      : pathname(path) === DIALECT_PATHS.genesysRoles
        ? tellRoles(options, request)
        : endpoint === 'probe'
          ? probe(options, request)
          : pathname(path) === DIALECT_PATHS.cxoneAccessKey
            ? tradeAccessKey(options, body)
            : options.issuerClient.forward({ method, path, headers: request.headers, body }));
    if (endpoint === 'token' && answer.status === 200)
      options.onMint(String(parsedObject(answer.body).access_token));
    send(response, answer, fault);
  };

  return (request, response) => {
    handle(request, response).catch((error: Error) => {
      // A bug of the proxy must not look like a scripted fault.
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'x-fault-proxy': error.name }).end();
    });
  };
}

function pathname(path: string): string {
  return path.split('?', 1)[0] ?? path;
}

function endpointOf(path: string): FaultyEndpoint | undefined {
  switch (pathname(path)) {
    case ISSUER_PATHS.token:
    case DIALECT_PATHS.cxoneAccessKey:
      return 'token';
    case ISSUER_PATHS.openidDiscovery:
    case ISSUER_PATHS.oauthDiscovery:
      return 'discovery';
    case DIALECT_PATHS.probe:
    case DIALECT_PATHS.genesysTokenInfo:
      return 'probe';
    default:
      return RENEWAL_PATH.test(pathname(path)) ? 'renewal' : undefined;
  }
}

function record(request: IncomingMessage, body: Buffer): RecordedRequest {
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: Object.fromEntries(headers),
    body: body.toString(),
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Answers as a protected resource does (RFC 6750). */
async function probe(options: FaultProxyOptions, request: IncomingMessage): Promise<Answer> {
  const clientId = request.method === 'GET' ? await callerOf(options, request) : undefined;
  return clientId === undefined ? BAD_CREDENTIALS : json(200, { OAuthClient: { id: clientId } });
}

async function tradeAccessKey({ clients, issuerClient }: FaultProxyOptions, body: Buffer): Promise<Answer> {
  const { accessKeyId, accessKeySecret } = parsedObject(body);
  if (!clients.isAccessKey(accessKeyId, accessKeySecret)) {
    return json(401, { error: 'invalid_grant', error_description: 'access key refused' });
  }
  return issuerClient.tradeAccessKey(String(accessKeyId), String(accessKeySecret));
}

/** Sends the authorization server's response, changed by the fault if there is one. */
function send(response: ServerResponse, answer: Answer, fault: Fault | undefined): void {
  const body =
    fault?.kind === 'rewrite' && answer.status === 200
      ? Buffer.from(JSON.stringify(fault.rewrite(parsedObject(answer.body))))
      : answer.body;
  response.writeHead(answer.status, { ...answer.headers, 'content-length': String(body.length) });
  if (fault?.kind !== 'slow-body') {
    response.end(body);
    return;
  }
  let sent = 0;
  const timer = setInterval(() => {
    response.write(body.subarray(sent, sent + 1));
    sent += 1;
    if (sent >= body.length) response.end();
  }, fault.intervalMs);
  response.once('close', () => clearInterval(timer));
}

function parsedObject(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
