import type { ServerResponse } from 'node:http';

/** Answers with JSON, and forbids caching: it may contain a token. */
export function answerJson(
  response: ServerResponse,
  status: number,
  body: object,
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

/** Thrown for a request that is refused: the server answers with this, and closes the connection. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: object, headers: Readonly<Record<string, string>> = {}) {
    super('refused');
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** A refusal in the form of Genesys Cloud's API, whose SDKs show `code` and `message`. */
export function apiRefusal(
  status: number,
  code: string,
  message: string,
  headers?: Readonly<Record<string, string>>,
): Refusal {
  return new Refusal(status, { status, code, message }, headers);
}
