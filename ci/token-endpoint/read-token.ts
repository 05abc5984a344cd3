import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The stored token, as `access-token get` printed it. */
export interface StoredToken {
  readonly accessToken: string;
  /** Parameter Store's version of it. */
  readonly version: number;
  /** When it expires, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** The result of a read. `status` is the exit status of `access-token get`; there is a token only with 0 and 3. */
export interface Reading {
  readonly status: number;
  readonly token: StoredToken | undefined;
}

/** Reads the stored token. `notVersion`: the version that was refused; reads another one. */
export type ReadToken = (options?: { readonly notVersion?: number }) => Promise<Reading>;

/**
 * Makes a reader that runs `access-token get`. Passes each line of its stderr to `tell`: the receipt, and on GitHub
 * Actions and Azure Pipelines the command that masks the token in the job's log.
 *
 * @param environments environments with AWS credentials, in the order in which they are tried
 */
export function createTokenReader(options: {
  /** Path of the script. */
  readonly script: string;
  /** NAME and its options. */
  readonly args: readonly string[];
  readonly environments: readonly NodeJS.ProcessEnv[];
  readonly now: () => number;
  readonly tell: (line: string) => void;
}): ReadToken {
  const { script, args, environments, now, tell } = options;
  // Uses the first that AWS does not refuse; an ended session is not tried again.
  let inUse = 0;
  return async ({ notVersion } = {}) => {
    const words = [...args, ...(notVersion === undefined ? [] : ['--not-version', String(notVersion)])];
    for (;;) {
      const ended = await run(['sh', script, 'get', ...words], environments[inUse] ?? {}, tell);
      if (ended.status !== AWS_REFUSED || inUse + 1 >= environments.length) return readingOf(ended, now());
      inUse += 1;
    }
  };
}

const AWS_REFUSED = 5;

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly receipt: string | undefined;
}

function run(
  [file, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  tell: (line: string) => void,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let receipt: string | undefined;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (RECEIPT.test(line)) receipt = line;
      tell(line);
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status: status ?? 1, stdout, receipt }));
  });
}

const RECEIPT = /^token v(\d{1,9}) \S+ expires (\d\d):(\d\d):(\d\d)Z, (.+) left$/;
// RFC 6749, appendix A.12: one or more printable ASCII characters.
const ACCESS_TOKEN = /^[\x20-\x7e]+$/;

function readingOf({ status, stdout, receipt }: Ended, nowMs: number): Reading {
  if (status !== 0 && status !== 3) return { status, token: undefined };
  const accessToken = stdout.replace(/\n$/, '');
  const parts = RECEIPT.exec(receipt ?? '');
  if (parts === null || !ACCESS_TOKEN.test(accessToken)) {
    throw new Error(
      'access-token get printed no token with a receipt: copy access-token and token-endpoint from the same version',
    );
  }
  const [, version, hours, minutes, seconds, left] = parts as unknown as [string, ...string[]];
  const timeOfDayMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  const expiresAtMs = nextTimeOfDay(timeOfDayMs, nowMs + durationMs(left as string));
  return { status, token: { accessToken, version: Number(version), expiresAtMs } };
}

const DAY_MS = 86_400_000;
// The receipt rounds the remaining life down to minutes, and is a moment old.
const RECEIPT_SLACK_MS = 300_000;

/** The first moment with this time of day that is not well before `aboutMs`. A receipt has the time, but no date. */
function nextTimeOfDay(timeOfDayMs: number, aboutMs: number): number {
  const earliest = aboutMs - RECEIPT_SLACK_MS;
  const candidate = Math.floor(earliest / DAY_MS) * DAY_MS + timeOfDayMs;
  return candidate < earliest ? candidate + DAY_MS : candidate;
}

/** Milliseconds of `95 s`, `47 min`, `23 h 50 min`. */
function durationMs(text: string): number {
  const unitMs: Readonly<Record<string, number>> = { s: 1000, min: 60_000, h: 3_600_000 };
  return [...text.matchAll(/(\d+) (s|min|h)\b/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (unitMs[unit as string] as number),
    0,
  );
}
