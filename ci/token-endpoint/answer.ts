import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers with JSON, and forbids caching: it may contain a token. */
export function answerJson(
  response: ServerResponse,
  status: number,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    pragma: 'no-cache',
    ...headers,
  });
  response.end(text);
}

/**
 * Refuses a request without reading its body, and closes its connection. `code` and `message` have the form of Genesys
 * Cloud's API, whose SDKs show them.
 */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  answerJson(response, status, { status, code, message }, { ...headers, connection: 'close' });
  response.once('finish', () => request.socket.destroySoon());
}
