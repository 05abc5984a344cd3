import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installCommand } from './aws-cli.ts';
import { type Ended, type RunOptions, run } from './process.ts';
import { SCRIPT } from './reader.ts';

/** The time at which the clock of every stand-in starts, in seconds since 1970. */
const START = Math.floor(Date.now() / 1000);

/** An error of AWS: code and message. */
type AwsError = { readonly code: string; readonly message: string };

/** The content of the job's account. */
export interface AccountContent {
  /** The token parameter's value, and the version of it; null where there is no such parameter. */
  readonly token: string | null;
  readonly version: number | null;
  /** The status parameter's value. */
  readonly status: string | null;
  /** The refresher's response payload, and whether Lambda reports an error. */
  readonly payload: string;
  readonly functionError?: 'Unhandled';
  /** AWS's error for `lambda invoke` and for each read, or the AWS CLI's own message. */
  readonly invokeError?: AwsError | string;
  readonly readError?: AwsError | string;
  /** What becomes of each answer on its way: a terminal's line ends, a banner, an alias. */
  readonly edit?: (answer: string) => string;
  /** What is stored after the refresher was invoked. */
  readonly minted?: Pick<AccountContent, 'token' | 'version' | 'status'>;
}

/** A token with this life, by default 50 minutes, and a refresher that has no better one. */
export function accountContent(more: Partial<AccountContent> = {}, lifeSeconds = 3000): AccountContent {
  return {
    token: 'old',
    version: 42,
    status: statusOf(42, lifeSeconds),
    payload: '{"satisfied":false,"tokenVersion":42,"steps":[{"step":"config","ok":true}]}',
    ...more,
  };
}

export function statusOf(tokenVersion: number, lifeSeconds: number, more: object = {}): string {
  const expiresAtEpoch = START + lifeSeconds;
  const expiresAt = new Date(expiresAtEpoch * 1000).toISOString();
  const fingerprint = '9f86d081884c';
  return JSON.stringify({ schemaVersion: 1, tokenVersion, fingerprint, expiresAt, expiresAtEpoch, ...more });
}

/** A directory for PATH whose `aws` answers at once, and whose clock advances only by `sleep`. */
export interface StandIn {
  readonly directory: string;
  /** Environment of a job that uses it; its HOME is `directory`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Sets the content for which `aws` answers. */
  serve(content: AccountContent): void;
  /** Runs `access-token`. */
  job(args: readonly string[], options?: RunOptions & { readonly shell?: readonly string[] }): Promise<Ended>;
  /** What was sent to the refresher. */
  events(): string;
  /** The profiles that were asked for, a line each. */
  profiles(): string;
  remove(): void;
}

/**
 * Installs a replacement for the AWS CLI, which takes most of a second to start. It prints what the real one prints for
 * the calls of access-token; aws-stand-in.cli-test.ts compares them.
 */
export function installStandIn(): StandIn {
  const directory = mkdtempSync(join(tmpdir(), 'aws-stand-in-'));
  installCommand(
    directory,
    'aws',
    `if [ "$1" = --profile ]; then echo "$2" >>${directory}/profiles; shift 2; fi
case "$1 $2 $*" in
  'ssm get-parameters '*'Parameters[].Version'*) answer=versions ;;
  'ssm get-parameters '*' --with-decryption '*) answer=values ;;
  'ssm get-parameters '*) answer=status ;;
  'lambda invoke '*) answer=invoke ;;
  'sts get-caller-identity '*) answer=identity ;;
  *) echo "the stand-in does not know: $*" >&2; exit 252 ;;
esac
if [ $answer = invoke ]; then
  cat >>${directory}/events
  if [ -e ${directory}/minted ]; then mv ${directory}/minted ${directory}/values; fi
fi
if [ -s ${directory}/$answer.error ]; then cat ${directory}/$answer.error >&2; exit 254; fi
exec cat ${directory}/$answer`,
  );
  installCommand(directory, 'sleep', `read -r now <${directory}/now; echo "$((now + $1))" >${directory}/now`);
  installCommand(
    directory,
    'date',
    `[ "$*" != '-u +%s' ] && exec /bin/date "$@"; read -r now <${directory}/now; echo "$now"`,
  );
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
  const written = (name: string) =>
    existsSync(join(directory, name)) ? readFileSync(join(directory, name), 'utf8') : '';
  write('identity', '"arn:aws:sts::111122223333:assumed-role/ci/job"\n');
  const environment = {
    PATH: `${directory}:${process.env.PATH}`,
    HOME: directory,
    AWS_REGION: 'eu-central-1',
  };
  return {
    directory,
    environment,
    serve({ token, version, status, payload, functionError, invokeError, readError, minted, edit = String }) {
      for (const name of ['minted', 'events', 'profiles']) rmSync(join(directory, name), { force: true });
      write('values', edit(printed([version, status, token])));
      write('status', edit(printed([version, status])));
      write('versions', edit(printed([version])));
      write('invoke', edit(`${payload}${functionError === undefined ? 'null' : `"${functionError}"`}\n`));
      write('invoke.error', printedError('Invoke', invokeError));
      for (const name of ['values', 'status', 'versions'])
        write(`${name}.error`, printedError('GetParameters', readError));
      // The AWS CLI's own message is that of every call.
      write('identity.error', typeof readError === 'string' ? readError : '');
      if (minted !== undefined) write('minted', printed([minted.version, minted.status, minted.token]));
      write('now', `${START}\n`);
    },
    job: (args, { shell = ['sh'], env = {}, ...options } = {}) =>
      run([...shell, SCRIPT, ...args], { cwd: directory, ...options, env: { ...environment, ...env } }),
    events: () => written('events'),
    profiles: () => written('profiles'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** As Python's json.dumps with an indent of four prints it; JavaScript's does the same to strings. */
function printed(list: readonly unknown[]): string {
  return `${JSON.stringify(list, null, 4)}\n`;
}

function printedError(operation: string, error: AwsError | string = ''): string {
  if (typeof error === 'string') return error;
  return `\nAn error occurred (${error.code}) when calling the ${operation} operation: ${error.message}\n`;
}
