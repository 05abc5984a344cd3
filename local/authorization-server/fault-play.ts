import type { ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';

/** A complete response. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

/** The target of a fault: the response, and a function that resets the TCP connection below TLS. */
export type Exchange = { readonly response: ServerResponse; readonly reset: () => void };

/** Plays a fault that needs no answer of the authorization server; tells whether it did. */
export function playInstead({ response, reset }: Exchange, fault: Fault): boolean {
  switch (fault.kind) {
    case 'reset':
      reset();
      return true;
    case 'hang':
      return true;
    case 'answer':
      response.writeHead(fault.status, fault.headers);
      response.end(fault.body ?? '');
      return true;
    default:
      return false;
  }
}

/** Sends the authorization server's response, changed by the fault if there is one. */
export function send({ response }: Exchange, answer: Answer, fault: Fault | undefined): void {
  const body =
    fault?.kind === 'rewrite' && answer.status === 200 ? rewritten(answer.body, fault) : answer.body;
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

function rewritten(body: Buffer, { rewrite }: Extract<Fault, { kind: 'rewrite' }>): Buffer {
  const result = rewrite(JSON.parse(body.toString()) as Record<string, unknown>);
  return Buffer.from(typeof result === 'string' ? result : JSON.stringify(result));
}
