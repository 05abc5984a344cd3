import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { UsageError } from './command-line.ts';

/** The stored token, as `access-token get --json` printed it. */
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

const MISUSED = 2;
/** AWS refused, or the AWS CLI did not get so far. */
const NOT_READ = 5;
// RFC 6749, appendix A.12: one or more printable ASCII characters.
const ACCESS_TOKEN = /^[\x20-\x7e]+$/;

/**
 * Finds `access-token`: beside this program (as it was called, then without symbolic links), then in PATH.
 *
 * @param program path of this program, as it was called
 * @throws UsageError if there is none
 */
export function findAccessToken(program: string, path = ''): string {
  const script = [dirname(program), dirname(realpathSync(program)), ...path.split(delimiter)]
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, 'access-token'))
    .find((file) => existsSync(file));
  if (script !== undefined) return script;
  throw new UsageError('access-token is neither beside this file nor in PATH: copy it to this directory');
}

/**
 * Makes a reader that runs `access-token get --json`. Passes its stderr to `tell`: the receipt, and on GitHub Actions and
 * Azure Pipelines the command that masks the token in the job's log.
 *
 * @param environments environments with AWS credentials, in the order in which they are tried
 */
export function createTokenReader(options: {
  /** Path of the script. */
  readonly script: string;
  /** NAME and its options. */
  readonly args: readonly string[];
  readonly environments: readonly NodeJS.ProcessEnv[];
  readonly tell: (text: string) => void;
}): ReadToken {
  const { script, args, environments, tell } = options;
  // Uses the first that AWS does not refuse; an ended session is not tried again. An outage is no refusal.
  let inUse = 0;
  return async ({ notVersion } = {}) => {
    const refused = notVersion === undefined ? [] : ['--not-version', String(notVersion)];
    for (;;) {
      const words = [script, 'get', ...args, '--json', ...refused];
      const { status, stdout, stderr } = await run(words, environments[inUse] ?? {});
      tell(stderr);
      if (status === NOT_READ && isRefusal(stdout) && inUse + 1 < environments.length) inUse += 1;
      else if (status === MISUSED && stderr.includes('--json')) throw otherVersion(script);
      else return { status, token: status === 0 || status === 3 ? tokenOf(stdout, script) : undefined };
    }
  };
}

/** Reads `{"error":"refused"}`. An older access-token does not say what happened. */
function isRefusal(line: string): boolean {
  try {
    return JSON.parse(line).error === 'refused';
  } catch {
    return true;
  }
}

function tokenOf(line: string, script: string): StoredToken {
  try {
    const { token, version, expiresAtEpoch } = JSON.parse(line);
    if (ACCESS_TOKEN.test(token) && Number.isInteger(version) && Number.isInteger(expiresAtEpoch)) {
      return { accessToken: token, version, expiresAtMs: expiresAtEpoch * 1000 };
    }
  } catch {
    // Not the error of JSON.parse(): it quotes the text.
  }
  throw otherVersion(script);
}

function otherVersion(script: string): UsageError {
  return new UsageError(
    `${script} is older than this token-endpoint: copy ci/access-token of the same version to its place`,
  );
}

function run(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile('sh', words, { env }, (error, stdout, stderr) => {
      const status = error === null ? 0 : error.code;
      resolve({ status: typeof status === 'number' ? status : 1, stdout, stderr });
    });
  });
}
