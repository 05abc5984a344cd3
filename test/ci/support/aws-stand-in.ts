import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { installCommand } from './aws-cli.ts';
import { type Ended, type RunOptions, run } from './process.ts';

export const SCRIPT = resolve('ci/access-token');

/** The characters of a token that are special in shells, sed, JSON and URLs. Also a canary. */
export const AWKWARD_TOKEN = `canary-%0A%25"'\`$(x)\${y}\\n&*!#;|<>~ {}[]^=, end`;

/** The time at which the clock of every stand-in starts, in seconds since 1970. */
const START = Math.floor(Date.now() / 1000);

/** A time as the status has it: this many seconds before that one. */
export const ago = (seconds: number): string => new Date((START - seconds) * 1000).toISOString();

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
  /** What is different from the call of this number on: 1 is the first call of `aws`. */
  readonly changes?: Readonly<Record<number, Partial<AccountContent>>>;
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
  const expiry = { expiresAt: ago(-lifeSeconds), expiresAtEpoch: START + lifeSeconds };
  return JSON.stringify({ schemaVersion: 1, tokenVersion, fingerprint: '9f86d081884c', ...expiry, ...more });
}

/**
 * Installs a replacement for the AWS CLI, which takes most of a second to start, into a directory for PATH. It prints what
 * the real one prints for the calls of access-token; aws-cli.cli-test.ts compares them. Its clock advances only by `sleep`.
 */
export function installStandIn() {
  const directory = mkdtempSync(join(tmpdir(), 'aws-stand-in-'));
  installCommand(
    directory,
    'aws',
    `cd ${directory} || exit
echo "$*" >>calls
read -r call <call; echo "$((call + 1))" >call
for file in "$call".*; do if [ -e "$file" ]; then mv "$file" "\${file#*.}"; fi; done
case "$*" in
  *'ssm get-parameters '*'Parameters[].Version'*) answer=versions ;;
  *'ssm get-parameters '*' --with-decryption '*) answer=values ;;
  *'ssm get-parameters '*) answer=status ;;
  *'lambda invoke '*) answer=invoke; cat >>calls; echo >>calls ;;
  *'sts get-caller-identity '*) answer=identity ;;
  *) echo "the stand-in does not know: $*" >&2; exit 252 ;;
esac
if [ -s $answer.error ]; then cat $answer.error >&2; exit 254; fi
exec cat $answer`,
  );
  installCommand(directory, 'sleep', `read -r now <${directory}/now; echo "$((now + $1))" >${directory}/now`);
  installCommand(
    directory,
    'date',
    `[ "$*" != '-u +%s' ] && exec /bin/date "$@"; read -r now <${directory}/now; echo "$now"`,
  );
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
  const standIn = {
    directory,
    /** Environment of a job that uses it. */
    environment: {
      PATH: `${directory}:${process.env.PATH}`,
      HOME: directory,
      AWS_REGION: 'eu-central-1',
    },
    /** Sets the content for which `aws` answers. */
    serve(content: AccountContent): void {
      for (const name of readdirSync(directory)) if (/^\d+\./.test(name)) rmSync(join(directory, name));
      for (const [name, text] of answersOf(content)) write(name, text);
      for (const [call, change] of Object.entries(content.changes ?? {}))
        for (const [name, text] of answersOf({ ...content, ...change })) write(`${call}.${name}`, text);
      write('call', '1\n');
      write('calls', '');
      write('now', `${START}\n`);
    },
    /** Runs `access-token`. */
    job: (
      args: readonly string[],
      { shell = ['sh'], env = {}, ...options }: RunOptions & { readonly shell?: readonly string[] } = {},
    ): Promise<Ended> =>
      run([...shell, SCRIPT, ...args], {
        cwd: directory,
        ...options,
        env: { ...standIn.environment, ...env },
      }),
    /** The arguments of each call, a line each; after those of `lambda invoke`, what was sent to the refresher. */
    calls: () => readFileSync(join(directory, 'calls'), 'utf8'),
    /** What was sent to the refresher. */
    events: (): string[] => standIn.calls().match(/^\{.*\}$/gm) ?? [],
    /** Whether something that was to run nothing has run. */
    isPwned: () => existsSync(join(directory, 'pwned')),
  };
  return standIn;
}

/** The files from which `aws` answers. */
function answersOf(content: AccountContent): [string, string][] {
  const { token, version, status, payload, functionError, invokeError, readError, edit = String } = content;
  const error = printedError('GetParameters', readError);
  return [
    ['values', edit(printed([version, status, token]))],
    ['status', edit(printed([version, status, '']))],
    ['versions', edit(printed([version]))],
    ['invoke', edit(`${payload}${functionError === undefined ? 'null' : `"${functionError}"`}\n`)],
    ['identity', '"arn:aws:sts::111122223333:assumed-role/ci/job"\n'],
    ['invoke.error', printedError('Invoke', invokeError)],
    ...['values', 'status', 'versions'].map((name): [string, string] => [`${name}.error`, error]),
    // The AWS CLI's own message is that of every call.
    ['identity.error', typeof readError === 'string' ? readError : ''],
  ];
}

/** As Python's json.dumps with an indent of four prints it; JavaScript's does the same to strings. */
function printed(list: readonly unknown[]): string {
  return `${JSON.stringify(list, null, 4)}\n`;
}

function printedError(operation: string, error: AwsError | string = ''): string {
  if (typeof error === 'string') return error;
  return `\nAn error occurred (${error.code}) when calling the ${operation} operation: ${error.message}\n`;
}
