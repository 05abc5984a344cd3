import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Credentials } from './iam.ts';
import type { FunctionFailure, InvocationContext, InvocationOutcome } from './lambda.ts';

const bootstrapFile = fileURLToPath(new URL('./lambda-runtime-bootstrap.mjs', import.meta.url));
const initTimeoutMs = 10_000;

/** How a function's process is started. Its environment is exactly this one, and PATH. */
export interface FunctionProcessOptions {
  readonly name: string;
  readonly region: string;
  /** The bundle's file, `…/asset.abc/index.mjs`; may be a CommonJS file. */
  readonly handlerFile: string;
  /** The environment of the template. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the SDK clients inside the function call. */
  readonly endpointUrl: string;
  readonly credentials: Credentials;
  readonly timeoutMs: number;
  readonly memoryMegabytes?: number;
  /** Arguments for `node` before the script (`--import`, for a shifted clock). */
  readonly nodeArguments?: readonly string[];
  /** Called with each line the function writes. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

/** A pool of processes of one function, as Lambda keeps execution environments. */
export type FunctionProcess = ReturnType<typeof createFunctionProcess>;

type Worker = Awaited<ReturnType<typeof spawnWorker>>;

/**
 * Runs a Lambda bundle in Node child processes over the Lambda Runtime API: one invocation at a time per process,
 * as many processes as there are invocations at once, each reused while it lives.
 *
 * At its time limit an invocation's process is killed, and the invocation fails with `Sandbox.Timedout`. If the process
 * ends by itself, its invocation fails with `Runtime.ExitError`.
 */
export function createFunctionProcess(options: FunctionProcessOptions) {
  const idle: Worker[] = [];
  const alive = new Set<Worker>();
  const lines: string[] = [];
  let starts = 0;
  let stopped = false;

  async function startWorker(): Promise<Worker> {
    const worker = await spawnWorker(options, (line, stream) => {
      lines.push(line);
      options.onLine?.(line, stream);
    });
    starts += 1;
    alive.add(worker);
    worker.exited.then(async () => {
      alive.delete(worker);
      const index = idle.indexOf(worker);
      if (index >= 0) idle.splice(index, 1);
      await worker.api.close();
    });
    return worker;
  }

  return {
    /** All lines that all processes wrote, in order. */
    lines: lines as readonly string[],
    /** The process ids that are alive. */
    get pids(): readonly number[] {
      return [...alive].flatMap(({ child }) => child.pid ?? []);
    },
    /** The environment of each process, for one that is started beside them. */
    environment: environmentOf(options),
    /** How many processes were started: cold starts. */
    get starts(): number {
      return starts;
    },
    async invoke(event: unknown, context: InvocationContext): Promise<InvocationOutcome> {
      if (stopped) throw new Error(`function ${options.name} is stopped`);
      const worker = idle.pop() ?? (await startWorker());
      const outcome = await runOn(worker, event, context, options.timeoutMs);
      if (!worker.hasEnded) idle.push(worker);
      return outcome;
    },
    /** Kills all processes at once, as SIGKILL would; the next invocation starts a new one. */
    async kill(): Promise<void> {
      // At once: a new invocation must not be given to a process that is being killed.
      idle.length = 0;
      await Promise.all([...alive].map(endWorker));
    },
    /** Ends everything; further invocations are refused. */
    async stop(): Promise<void> {
      stopped = true;
      await Promise.all([...alive].map(endWorker));
    },
  };
}

async function spawnWorker(
  options: FunctionProcessOptions,
  onLine: (line: string, stream: 'stdout' | 'stderr') => void,
) {
  const api = await startRuntimeApi((report) => worker.report(report));
  const child = spawn(
    process.execPath,
    [...(options.nodeArguments ?? []), bootstrapFile, options.handlerFile],
    {
      env: { ...environmentOf(options), AWS_LAMBDA_RUNTIME_API: api.address },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const worker = { child, api, exited: exitOf(child), report: (_: RuntimeReport) => {}, hasEnded: false };
  worker.exited.then(() => {
    worker.hasEnded = true;
  });
  for (const stream of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[stream] }).on('line', (line) => onLine(line, stream));
  }
  return worker;
}

function environmentOf(options: FunctionProcessOptions): Record<string, string> {
  return {
    ...(process.env.PATH === undefined ? {} : { PATH: process.env.PATH }),
    ...options.environment,
    TZ: ':UTC',
    AWS_REGION: options.region,
    AWS_DEFAULT_REGION: options.region,
    AWS_ENDPOINT_URL: options.endpointUrl,
    AWS_ACCESS_KEY_ID: options.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: options.credentials.secretAccessKey,
    AWS_SESSION_TOKEN: options.credentials.sessionToken,
    AWS_LAMBDA_FUNCTION_NAME: options.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(options.memoryMegabytes ?? 128),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${options.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
  };
}

async function runOn(
  worker: Worker,
  event: unknown,
  context: InvocationContext,
  timeoutMs: number,
): Promise<InvocationOutcome> {
  const { awsRequestId } = context;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<InvocationOutcome>((resolve) => {
      let failureAtExit: FunctionFailure | undefined;
      const limit = (ms: number) => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          const seconds = (ms / 1000).toFixed(2);
          failureAtExit = {
            errorType: 'Sandbox.Timedout',
            errorMessage: `RequestId: ${awsRequestId} Error: Task timed out after ${seconds} seconds`,
          };
          worker.child.kill('SIGKILL');
        }, ms);
      };
      worker.report = (report) => {
        if (report.kind === 'response') resolve({ payload: report.payload });
        else if (report.kind === 'error') resolve({ failure: report.failure });
        else failureAtExit = report.failure;
      };
      worker.exited.then((how) => {
        const errorMessage = `RequestId: ${awsRequestId} Error: Runtime exited with error: ${how}`;
        resolve({ failure: failureAtExit ?? { errorType: 'Runtime.ExitError', errorMessage } });
      });
      // Loading the bundle has its own limit; the function's begins when the process takes the event.
      limit(initTimeoutMs);
      worker.api.deliver({ ...context, event, timeoutMs }, () => limit(timeoutMs));
    });
  } finally {
    clearTimeout(timer);
  }
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    // `close`, not `exit`: by then the last lines have been read.
    child.on('close', (code, signal) =>
      resolve(signal === 'SIGKILL' ? 'signal: killed' : `exit status ${code}`),
    );
  });
}

async function endWorker(worker: Worker): Promise<void> {
  if (worker.hasEnded) return;
  worker.child.kill('SIGKILL');
  await worker.exited;
}

type Invocation = InvocationContext & { readonly event: unknown; readonly timeoutMs: number };

/** What the process reported. */
type RuntimeReport =
  | { readonly kind: 'response'; readonly payload: unknown }
  | { readonly kind: 'error'; readonly failure: FunctionFailure }
  | { readonly kind: 'init-error'; readonly failure: FunctionFailure };

/**
 * Starts the Runtime API on a loopback port.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
async function startRuntimeApi(onReport: (report: RuntimeReport) => void) {
  let poll: ServerResponse | undefined;
  let next: { invocation: Invocation; onStart: () => void } | undefined;

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
    /** For `AWS_LAMBDA_RUNTIME_API`. */
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Hands an invocation over at the next poll; `onStart` is called when the process has taken it. */
    deliver(invocation: Invocation, onStart: () => void): void {
      next = { invocation, onStart };
      handOver();
    },
    async close(): Promise<void> {
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
