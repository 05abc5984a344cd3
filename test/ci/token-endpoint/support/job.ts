import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { temporaryDirectory } from '../../../../local/temporary-directory.ts';
import { type Ended, type RunOptions, run } from '../../support/process.ts';
import { type Answer, echo, PRELOAD, startGenesysApi } from './genesys-api.ts';

/** A directory with the built token-endpoint beside access-token, or beside a script that answers in its place. */
export type StoredToken = ReturnType<typeof createStoredToken>;

const STAND_IN = `here=$(dirname "$0")
printf '%s\\n' "$*" >>"$here/reads"
. "$here/answer"
`;

/** Makes the directory. With a token that is stored, a stand-in for access-token; without, the real one. */
export function createStoredToken(token?: string) {
  const directory = temporaryDirectory();
  const [program, reads, clock] = ['token-endpoint.mjs', 'reads', 'clock-offset-ms'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  copyFileSync('ci/token-endpoint.mjs', program);
  let aheadMs = 0;
  let version = 0;
  writeFileSync(clock, '0');
  /** Makes every read run this script. */
  const answer = (script: string) => writeFileSync(join(directory, 'answer'), `${script}\n`);
  const stored = {
    directory,
    program,
    /** Environment with which the program has the clock of `advance`. */
    environment: { NODE_OPTIONS: PRELOAD, CLOCK_OFFSET_FILE: clock },
    answer,
    /** Makes a token the stored one. `status` 3: it has less life than was asked for. `before`: shell that runs first. */
    store(accessToken: string, { lifeSeconds = 3600, status = 0, before = '' } = {}) {
      version += 1;
      const expiresAtEpoch = Math.floor((Date.now() + aheadMs) / 1000) + lifeSeconds;
      const json = JSON.stringify({ token: accessToken, version, expiresAtEpoch });
      answer(`${before}\nprintf '%s\\n' '${json}'\nexit ${status}`);
    },
    /** Makes a token of its own the stored one of each name: `<prefix>-<name>`. */
    storeEach: (prefix: string) =>
      answer(`printf '{"token":"${prefix}-%s","version":1,"expiresAtEpoch":9999999999}\\n' "$2"`),
    /** Makes every read end without a token, with this exit status. */
    fail: (status: number) => answer(`echo 'access-token: no token for a test' >&2; exit ${status}`),
    /** Advances the program's clock. Tokens that are stored later have times of that clock. */
    advance(seconds: number) {
      aheadMs += seconds * 1000;
      writeFileSync(clock, String(aheadMs));
    },
    /** The program's clock. */
    now: () => Date.now() + aheadMs,
    /** The arguments of each read so far. */
    reads: (): readonly string[] =>
      existsSync(reads) ? readFileSync(reads, 'utf8').split('\n').slice(0, -1) : [],
  };
  if (token === undefined) copyFileSync('ci/access-token', join(directory, 'access-token'));
  else {
    writeFileSync(join(directory, 'access-token'), STAND_IN);
    stored.store(token);
  }
  return stored;
}

// A user's key: nothing to ask the AWS CLI about.
const JOB_ENVIRONMENT = { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE' };

/** Runs a COMMAND under token-endpoint to its end. `args`: what stands before `--`. */
export function runJob(
  stored: Pick<StoredToken, 'program'>,
  command: readonly string[],
  { args = ['genesys'], env, ...options }: RunOptions & { readonly args?: readonly string[] } = {},
): Promise<Ended> {
  return run([process.execPath, stored.program, ...args, '--', ...command], {
    ...options,
    env: { ...JOB_ENVIRONMENT, ...env },
  });
}

/** A running token-endpoint. */
export type Job = Awaited<ReturnType<typeof startJob>>;

/** `--genesys-region` of the API that the tests start. */
export const GATEWAY = ['genesys', '--genesys-region', 'eu-central-1'];

/**
 * Starts token-endpoint with a COMMAND that shows its environment and waits for the end of its stdin. `before`: shell that
 * runs in the process that becomes the program.
 */
export async function startJob(
  stored: StoredToken,
  args: readonly string[] = ['genesys'],
  env: Readonly<Record<string, string>> = {},
  before = '',
) {
  const command = ['sh', '-c', 'env -0; printf "END"; exec cat >/dev/null'];
  const program = [process.execPath, stored.program, ...args, '--', ...command];
  const child = spawn('sh', ['-c', `${before}\nexec "$@"`, 'sh', ...program], {
    env: { ...JOB_ENVIRONMENT, ...stored.environment, ...env },
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
  const variables = stdout.split('\0').filter((line) => line.includes('='));
  const seen: Record<string, string> = Object.fromEntries(
    variables.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const url = new URL(seen.OAUTH_TOKEN_URL as string);
  const port = Number(url.port);
  const requestToken = async () => {
    const credentials = Buffer.from(`${seen.OAUTH_CLIENT_ID}:${seen.OAUTH_CLIENT_SECRET}`);
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${credentials.toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    const { status, headers } = answer;
    return { status, headers, body: (await answer.json()) as Record<string, unknown> };
  };
  return {
    /** COMMAND's environment. */
    env: seen,
    port,
    /** What it wrote to stderr so far. */
    stderr: () => stderr,
    child,
    /** Resolves when the program and COMMAND have ended. */
    ended,
    /** Sends a token request with the job's own credentials. */
    requestToken,
    /** Lets the job's token expire, and gives it the next one. */
    async renew(token: string, options?: Parameters<StoredToken['store']>[1]) {
      stored.advance(3601);
      stored.store(token, options);
      await requestToken();
    },
    /** Sends one call through the gateway. */
    call: (path: string, token: string, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...init.headers },
      }),
    /** Sends bytes and reads until the server closes the connection. */
    raw: (...parts: readonly (string | Buffer)[]) => exchange(port, parts),
    /** Lets COMMAND end, and waits for the program to do so. */
    async end(): Promise<{ status: number | null; signal: NodeJS.Signals | null }> {
      child.stdin.end();
      const [status, signal] = await ended;
      return { status, signal };
    },
  };
}

/**
 * Starts a job behind a gateway to an API that answers like this, with a token stored and given out. Of several names, each has
 * a token of its own, `<token>-<name>`. Its end closes both.
 */
export async function openGateway(
  token: string,
  answer: Answer = echo,
  { names = 'genesys', options = [] }: { readonly names?: string; readonly options?: readonly string[] } = {},
) {
  const stored = createStoredToken(token);
  if (names.includes(',')) stored.storeEach(token);
  const api = await startGenesysApi(answer);
  const args = [names, ...GATEWAY.slice(1), ...options];
  const job = await startJob(stored, args, api.environment);
  const { body } = await job.requestToken();
  return {
    ...job,
    /** What the job got. */
    bearer: String(body.access_token),
    stored,
    api,
    async end() {
      const ended = await job.end();
      await api.close();
      return ended;
    },
  };
}

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
    for (const part of parts) socket.write(part);
  });
}
