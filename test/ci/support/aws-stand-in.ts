import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installCommand } from './aws-cli.ts';

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
  /** AWS's error for `lambda invoke`, and for each read: code and message. */
  readonly invokeError?: { readonly code: string; readonly message: string };
  readonly readError?: { readonly code: string; readonly message: string };
  /** The AWS CLI's message if it cannot reach Lambda. */
  readonly invokeComplaint?: string;
  /** What is stored after the refresher was invoked. */
  readonly minted?: { readonly token: string; readonly version: number; readonly status: string };
}

/** A directory for PATH whose `aws` answers at once, and whose clock advances only by `sleep`. */
export interface StandIn {
  readonly directory: string;
  /** Sets the content for which `aws` answers. */
  serve(content: AccountContent): void;
  /** What was sent to the refresher. */
  events(): string;
  /** The profiles that were asked for, a line each. */
  profiles(): string;
  remove(): void;
}

export const IDENTITY = 'arn:aws:sts::111122223333:assumed-role/ci/job';

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
  installCommand(directory, 'date', `read -r now <${directory}/now; echo "$now"`);
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
  write('identity', `"${IDENTITY}"\n`);
  return {
    directory,
    serve({
      token,
      version,
      status,
      payload,
      functionError,
      invokeError,
      readError,
      invokeComplaint,
      minted,
    }) {
      write('values', printed([version, status, token]));
      write('status', printed([version, status]));
      write('versions', printed([version]));
      write('invoke', `${payload}${functionError === undefined ? 'null' : `"${functionError}"`}\n`);
      write('invoke.error', invokeComplaint ?? printedError('Invoke', invokeError));
      for (const name of ['values', 'status', 'versions'])
        write(`${name}.error`, printedError('GetParameters', readError));
      for (const name of ['minted', 'events', 'profiles']) rmSync(join(directory, name), { force: true });
      if (minted !== undefined) write('minted', printed([minted.version, minted.status, minted.token]));
      write('now', `${Math.floor(Date.now() / 1000)}\n`);
    },
    events: () => read(join(directory, 'events')),
    profiles: () => read(join(directory, 'profiles')),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** As Python's json.dumps with an indent of four prints it; JavaScript's does the same to strings. */
function printed(list: readonly unknown[]): string {
  return `${JSON.stringify(list, null, 4)}\n`;
}

function printedError(operation: string, error?: { code: string; message: string }): string {
  if (error === undefined) return '';
  return `\nAn error occurred (${error.code}) when calling the ${operation} operation: ${error.message}\n`;
}
