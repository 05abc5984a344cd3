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

/**
 * Reads the stored token; undefined: there is none with any life left, or it cannot be read. `notVersion`: the version that
 * was refused; reads another one.
 */
export type ReadToken = (options?: { readonly notVersion?: number }) => Promise<StoredToken | undefined>;

const MISUSED = 2;
/** The token has less life than was asked for. */
const LITTLE_LIFE = 3;
/** AWS refused, or the AWS CLI did not get so far. */
const NOT_READ = 5;
const REFUSED = /^\{"error":"refused"\}$/m;
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
  /** Called with the exit status of a read that gives no token. */
  readonly onFailure: (status: number) => void;
}): ReadToken {
  const { script, args, environments, tell, onFailure } = options;
  // Uses the first that AWS does not refuse; an ended session is not tried again. An outage is no refusal.
  let inUse = 0;
  return async ({ notVersion } = {}) => {
    const refused = notVersion === undefined ? [] : ['--not-version', String(notVersion)];
    for (;;) {
      const words = [script, 'get', ...args, '--json', ...refused];
      const { status, stdout, stderr } = await run(words, environments[inUse] ?? {});
      tell(stderr);
      if (status === 0 || status === LITTLE_LIFE) return tokenOf(stdout, script);
      if (status === MISUSED && stderr.includes('--json')) throw otherVersion(script);
      const isRefused = status === NOT_READ && REFUSED.test(stdout);
      if (!isRefused || inUse + 1 === environments.length) {
        onFailure(status);
        return undefined;
      }
      inUse += 1;
    }
  };
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
