import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * A directory with the built token-endpoint, and a script instead of access-token that answers by its contract from files
 * beside it. For suites without AWS; the suites with AWS run the real script.
 */
export interface StoredTokenDirectory {
  readonly directory: string;
  readonly program: string;
  /** Makes a token the stored one. `status`: of `access-token get`; 3 is a token with less life than was asked for. */
  store(token: string, options?: { version?: number; lifeSeconds?: number; status?: number }): void;
  /** Makes every read end without a token, with this exit status. */
  fail(status: number): void;
  /** Makes this token the stored one, and lets AWS refuse readings with a session in environment variables. */
  endSession(next: { readonly token: string }): void;
  /** Environment that gives a Node.js program the clock of {@link stepClock}. */
  readonly environment: Readonly<Record<string, string>>;
  /** Advances the program's clock. Tokens that are stored later have times of that clock. */
  stepClock(step: { readonly seconds: number }): void;
  /** The arguments of each read so far. */
  readings(): readonly string[];
  remove(): void;
}

const ACCESS_TOKEN = `#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$*" >>"$here/readings"
. "$here/answer"
`;

/** Makes the directory, with nothing stored. */
export function createStoredTokenDirectory(): StoredTokenDirectory {
  const directory = mkdtempSync(join(tmpdir(), 'token-endpoint-'));
  const program = join(directory, 'token-endpoint.mjs');
  copyFileSync(resolve('ci/token-endpoint.mjs'), program);
  writeFileSync(join(directory, 'access-token'), ACCESS_TOKEN);
  chmodSync(join(directory, 'access-token'), 0o755);
  const answer = (script: string): void => writeFileSync(join(directory, 'answer'), script);
  const fail = (status: number): void =>
    answer(`echo 'access-token: no token for a test' >&2\nexit ${status}\n`);
  fail(4);
  let aheadMs = 0;
  const offsetFile = join(directory, 'clock-offset-ms');
  writeFileSync(offsetFile, '0');
  const storedToken: StoredTokenDirectory = {
    directory,
    program,
    store(token, { version = 1, lifeSeconds = 3600, status = 0 } = {}) {
      const expiresAtEpoch = Math.floor((Date.now() + aheadMs) / 1000) + lifeSeconds;
      const json = JSON.stringify({ token, version, fingerprint: '9f86d081884c', expiresAtEpoch });
      answer(`printf '%s\\n' '${json}'\nexit ${status}\n`);
    },
    fail,
    endSession({ token }) {
      storedToken.store(token, { version: 2 });
      const stored = readFileSync(join(directory, 'answer'), 'utf8');
      answer(`[ -z "\${AWS_SESSION_TOKEN-}" ] || exit 5\n${stored}`);
    },
    environment: {
      NODE_OPTIONS: `--import=${new URL('clock.mjs', import.meta.url).href}`,
      CLOCK_OFFSET_FILE: offsetFile,
    },
    stepClock({ seconds }) {
      aheadMs += seconds * 1000;
      writeFileSync(offsetFile, String(aheadMs));
    },
    readings() {
      const file = join(directory, 'readings');
      return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
  return storedToken;
}
