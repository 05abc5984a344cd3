import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Credentials } from './iam.ts';
import type { InvocationContext, InvocationOutcome } from './lambda.ts';

const RUNTIME = fileURLToPath(new URL('./lambda-runtime.mjs', import.meta.url));

/** How a function's process is started. */
interface FunctionProcessOptions {
  readonly name: string;
  readonly region: string;
  /** The bundle's file, `…/asset.abc/handler.mjs`. */
  readonly handlerFile: string;
  /** The environment of the template. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where the SDK clients inside the function call. */
  readonly endpointUrl: string;
  readonly credentials: Credentials;
  readonly timeoutMs: number;
  /** Called with each line the function writes. */
  readonly onLine: (line: string) => void;
}

/**
 * Runs a Lambda bundle in a Node.js child process, one invocation after the other. As Lambda's execution environment, the process
 * is started by an invocation, and reused while it lives.
 *
 * At its time limit an invocation's process is killed, and the invocation fails with `Sandbox.Timedout`. If the process
 * ends by itself, its invocation fails with `Runtime.ExitError`.
 */
export function createFunctionProcess(options: FunctionProcessOptions) {
  const lines: string[] = [];
  let current: ReturnType<typeof start> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function start() {
    const { environment: env } = fn;
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const;
    const child = spawn(process.execPath, [RUNTIME, options.handlerFile], { env, stdio: [...stdio] });
    const worker = { child, settle: (_: InvocationOutcome) => {} };
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input: input as Readable }).on('line', (line) => {
        lines.push(line);
        options.onLine(line);
      });
    }
    child.on('message', (answer) => worker.settle(answer as InvocationOutcome));
    // `close`, not `exit`: by then the last lines have been read.
    child.once('close', () => {
      if (current === worker) current = undefined;
      worker.settle(failed('Runtime.ExitError', 'Runtime exited'));
    });
    fn.starts += 1;
    return worker;
  }

  async function run(event: unknown, context: InvocationContext): Promise<InvocationOutcome> {
    current ??= start();
    const { timeoutMs } = fn;
    const { promise, resolve } = Promise.withResolvers<InvocationOutcome>();
    current.settle = resolve;
    const timer = setTimeout(() => {
      resolve(failed('Sandbox.Timedout', `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`));
      void fn.kill();
    }, timeoutMs);
    // A process that has just died tells it by its end, not by an error here.
    current.child.send({ event, context, timeoutMs }, () => {});
    const outcome = await promise;
    clearTimeout(timer);
    // The lines that were written before the answer are read by then.
    await setImmediate();
    return outcome;
  }

  const fn = {
    /** All lines that the process wrote, in order. */
    lines: lines as readonly string[],
    /** The environment of the next process. */
    environment: environmentOf(options),
    /** The time limit of the next invocation. A shorter one than the template's makes a wait shorter, not another. */
    timeoutMs: options.timeoutMs,
    /** The id of the process that lives. */
    get pid(): number | undefined {
      return current?.child.pid;
    },
    /** How many processes were started: cold starts. */
    starts: 0,
    async invoke(event: unknown, context: InvocationContext): Promise<InvocationOutcome> {
      const outcome = last.then(() => run(event, context));
      last = outcome.catch(() => {});
      return await outcome;
    },
    /** Kills the process at once; the next invocation starts a new one. */
    async kill(): Promise<void> {
      if (current === undefined) return;
      const { child } = current;
      current = undefined;
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
  return fn;
}

function failed(errorType: string, errorMessage: string): InvocationOutcome {
  return { failure: { errorType, errorMessage } };
}

function environmentOf(options: FunctionProcessOptions): Record<string, string> {
  const { region, credentials } = options;
  return {
    ...(process.env.PATH === undefined ? {} : { PATH: process.env.PATH }),
    ...options.environment,
    TZ: ':UTC',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ENDPOINT_URL: options.endpointUrl,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    AWS_LAMBDA_FUNCTION_NAME: options.name,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
  };
}
