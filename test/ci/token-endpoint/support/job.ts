import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

/** A running token-endpoint, and the environment of its COMMAND. */
export interface Job {
  /** COMMAND's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  readonly process: ChildProcess;
  /** What it wrote to stderr so far. */
  stderr(): string;
  /** Sends a token request with the job's own credentials. */
  requestToken(): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>;
  /** Sends one call through the gateway. */
  call(path: string, token: string, init?: RequestInit): Promise<Response>;
  /** Sends bytes and reads until the server closes the connection, or has been silent for ten seconds. */
  raw(...parts: readonly (string | Buffer)[]): Promise<string>;
  /** Lets COMMAND end, and waits for the program to do so. */
  end(): Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
}

const SHOW_ENVIRONMENT_AND_WAIT = 'env -0; printf "END"; exec cat >/dev/null';

/** Starts token-endpoint with a COMMAND that shows its environment and waits for the end of its stdin. */
export async function startJob(options: {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The Node.js to run it with. @default this one */
  readonly node?: string;
}): Promise<Job> {
  const { program, args, env = {}, node = process.execPath } = options;
  const command = ['sh', '-c', SHOW_ENVIRONMENT_AND_WAIT];
  const child = spawn(node, [program, ...args, '--', ...command], {
    // A user's key: nothing to ask the AWS CLI about.
    env: { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', ...env },
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close');
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      if (stdout.endsWith('END')) resolve();
    });
    ended.then(() => reject(new Error(`token-endpoint ended before COMMAND ran:\n${stderr}`)));
  });
  const seen = Object.fromEntries(
    stdout
      .split('\0')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const url = new URL(seen.OAUTH_TOKEN_URL as string);
  const port = Number(url.port);
  return {
    env: seen,
    port,
    process: child,
    stderr: () => stderr,
    async requestToken() {
      const credentials = Buffer.from(`${seen.OAUTH_CLIENT_ID}:${seen.OAUTH_CLIENT_SECRET}`).toString(
        'base64',
      );
      const answer = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Basic ${credentials}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    call: (path, token, init = {}) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...init.headers },
      }),
    raw: (...parts) => exchange(port, parts),
    async end() {
      child.stdin.end();
      const [status, signal] = await ended;
      return { status, signal };
    },
  };
}

const SILENCE_LIMIT_MS = 10_000;

function exchange(port: number, parts: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A refused request is not read to its end, so that the server may close first.
      if (['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) resolve(answer);
      else reject(error);
    });
    socket.on('close', () => resolve(answer));
    // A server that neither answers nor closes fails the test by its assertion.
    socket.setTimeout(SILENCE_LIMIT_MS, () => socket.destroy());
    for (const part of parts) socket.write(part);
  });
}
