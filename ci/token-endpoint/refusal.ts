type Headers = Readonly<Record<string, string>>;

/** Thrown for a request that is refused: the server answers with this, and closes the connection. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: object;
  readonly headers: Headers;

  constructor(status: number, body: object, headers: Headers = {}) {
    super('refused');
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** A refusal in the form of Genesys Cloud's API, whose SDKs show `code` and `message`. */
export function apiRefusal(status: number, code: string, message: string, headers?: Headers): Refusal {
  return new Refusal(status, { status, code, message }, headers);
}
