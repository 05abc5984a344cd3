import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FunctionFailure, InvocationContext } from './lambda.ts';

/** One invocation on its way into the function's process. */
export interface RuntimeInvocation extends InvocationContext {
  readonly event: unknown;
  readonly timeoutMs: number;
}

/** What the process reported. */
export type RuntimeReport =
  | { readonly kind: 'response'; readonly payload: unknown }
  | { readonly kind: 'error'; readonly failure: FunctionFailure }
  | { readonly kind: 'init-error'; readonly failure: FunctionFailure };

/** The Lambda Runtime API for one process. */
export interface RuntimeApi {
  /** `host:port`, for `AWS_LAMBDA_RUNTIME_API`. */
  readonly address: string;
  /** Hands an invocation over at the next poll; `onStart` is called when the process has taken it. */
  deliver(invocation: RuntimeInvocation, onStart: () => void): void;
  close(): Promise<void>;
}

/**
 * Starts the Runtime API on a loopback port.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export async function startRuntimeApi(onReport: (report: RuntimeReport) => void): Promise<RuntimeApi> {
  let poll: ServerResponse | undefined;
  let next: { invocation: RuntimeInvocation; onStart: () => void } | undefined;

  const handOver = () => {
    if (!poll || !next) return;
    const { invocation, onStart } = next;
    onStart();
    poll.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': invocation.awsRequestId,
      'lambda-runtime-deadline-ms': String(Date.now() + invocation.timeoutMs),
      'lambda-runtime-invoked-function-arn': invocation.invokedFunctionArn,
    });
    poll.end(JSON.stringify(invocation.event ?? {}));
    poll = undefined;
    next = undefined;
  };

  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').replace('/2018-06-01/runtime/', '');
    if (path === 'invocation/next') {
      poll = response;
      handOver();
      return;
    }
    const body = await readJson(request);
    response.writeHead(202).end();
    if (path === 'init/error') onReport({ kind: 'init-error', failure: body as FunctionFailure });
    else if (path.endsWith('/error')) onReport({ kind: 'error', failure: body as FunctionFailure });
    else onReport({ kind: 'response', payload: body });
  });
  // The poll is a request that stays open between invocations, however long.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    deliver(invocation, onStart) {
      next = { invocation, onStart };
      handOver();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}
