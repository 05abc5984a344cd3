import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type AccountContent, accountContent, installStandIn, statusOf } from './support/aws-stand-in.ts';
import { HOSTILE_VALUES } from './support/hostile-values.ts';
import type { Ended } from './support/process.ts';
import { ALL_SHELLS, EVERYTHING, requireShells } from './support/shells.ts';

const VERBS: Readonly<Record<string, readonly string[]>> = {
  get: ['get', 'genesys'],
  'get --min-ttl': ['get', 'genesys', '--min-ttl', '2h'],
  'get --not-version': ['get', 'genesys', '--not-version', '42'],
  exec: ['exec', 'genesys', '--min-ttl', '2h', '--best-effort', '--', 'printenv', 'ACCESS_TOKEN'],
  status: ['status', 'genesys'],
  'status --json': ['status', 'genesys', '--json'],
  doctor: ['doctor', 'genesys'],
};
const CLASSES = Object.entries(HOSTILE_VALUES);
/** Fields that decide whether a token is given out: one of them is hostile at a time. */
const DECIDING = ['schemaVersion', 'tokenVersion', 'expiresAtEpoch'];
/** All others, which are hostile at once, each with another class. */
const TELLING = [
  ...['fingerprint', 'issuedAt', 'expiresAt', 'refreshDueAt', 'provider', 'source', 'encryptionKey'],
  ...['secretStage', 'jobGuaranteeSeconds', 'aFieldOfALaterVersion'],
];
const FAILURE = ['code', 'at', 'consecutive', 'retryAt'];
const ANSWER = ['outcome', 'reason', 'satisfied', 'failure', 'remainingSeconds', 'errorType', 'errorMessage'];
const STEP = ['step', 'code', 'message', 'remedy', 'warning', 'fault'];

interface Case {
  readonly name: string;
  /** The hostile value, as JSON. */
  readonly json: string;
  readonly content: AccountContent;
  readonly verbs: readonly string[];
  /** Whether the token has to be given out all the same. */
  readonly harmless?: boolean;
}

const CASES = CLASSES.flatMap(([name, json], turn): Case[] => {
  const one = (part: string, content: Partial<AccountContent>, even: string, odd = even): Case => {
    const verbs = [turn % 2 === 0 ? even : odd];
    return { name: `${part}: ${name}`, json, content: accountContent(content), verbs };
  };
  const raw = json.startsWith('"') ? (parsed(json) ?? json) : json;
  const versionAnswered = `{"satisfied":true,"tokenVersion":${json}}`;
  return [
    telling(turn),
    ...DECIDING.map((field) => {
      const status = object([...healthy().filter(([key]) => key !== field), [field, json]]);
      return one(field, { status }, Object.keys(VERBS)[turn % 4] as string);
    }),
    one('status', { status: raw }, 'get --min-ttl', 'status --json'),
    // Parameter Store takes no empty value.
    one('token', { token: raw === '' ? ' ' : raw }, 'get', 'exec'),
    one('answer', { payload: raw }, 'get --not-version', 'doctor'),
    one('version answered', { payload: versionAnswered }, 'get --min-ttl'),
    one(
      'error of AWS',
      { invokeError: { code: 'AccessDeniedException', message: raw } },
      'get --min-ttl',
      'doctor',
    ),
  ];
});

/** Each of these has every field with another class; over as many as there are classes, each field has each. */
function telling(turn: number): Case {
  let place = turn;
  const next = (key: string): [string, string] => [key, CLASSES[place++ % CLASSES.length]?.[1] ?? ''];
  const status = object([...healthy(), ...TELLING.map(next), ['lastFailure', object(FAILURE.map(next))]]);
  const steps = [object([...STEP.map(next), ['ok', 'false']]), object([...STEP.map(next), ['ok', 'true']])];
  const payload = object([...ANSWER.map(next), ['tokenVersion', '42'], ['steps', `[${steps}]`]]);
  const failed = turn % 2 === 0 ? {} : { functionError: 'Unhandled' as const };
  return {
    name: `all that tells, from ${turn}`,
    json: '',
    content: accountContent({ status, payload, ...failed }),
    verbs: ['get --min-ttl', 'status', 'doctor'],
    harmless: true,
  };
}

/** The deciding fields of a good status, as JSON. */
function healthy(): [string, string][] {
  return Object.entries(JSON.parse(statusOf(42, 3000)))
    .filter(([key]) => DECIDING.includes(key))
    .map(([key, value]) => [key, JSON.stringify(value)]);
}

function object(fields: readonly (readonly [string, string])[]): string {
  return `{${fields.map(([key, json]) => `"${key}":${json}`).join(',')}}`;
}

function parsed(json: string): string | undefined {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/**
 * Every landing runs each case under one of the shells, in turn: a value that would run a command, under a shell that runs
 * `$( )` in numbers. With ALL_SHELLS=1 all verbs run on all cases under all shells.
 */
function runsUnder(name: string): (Case & { readonly verb: string })[] {
  const cases = CASES.filter(({ json }, index) => {
    const shells = ALL_SHELLS.filter(
      (shell) => !json.includes('touch pwned') || /^(bash|ksh|zsh)/.test(shell.name),
    );
    return EVERYTHING || shells[index % shells.length]?.name === name;
  });
  return cases.flatMap((one) =>
    (EVERYTHING ? Object.keys(VERBS) : one.verbs).map((verb) => ({ ...one, verb })),
  );
}

beforeAll(requireShells);

test.each(ALL_SHELLS)(
  'a hostile field, token, status, answer or error runs nothing and gives out nothing else, under $name',
  async ({ name, shell }) => {
    // ksh sleeps by itself: without that, it finds the stand-in's sleep, which only moves the clock.
    const start = name === 'ksh' ? ['ksh', '-c', 'builtin -d sleep; . "$0"'] : shell;
    const runs = runsUnder(name);
    const found: string[] = [];
    const work = async (): Promise<void> => {
      const standIn = installStandIn();
      for (let next = runs.pop(); next !== undefined; next = runs.pop()) {
        standIn.serve(next.content);
        const ended = await standIn.job(VERBS[next.verb] ?? [], { shell: start });
        const problems = problemsOf(ended, next, standIn.isPwned());
        rmSync(join(standIn.directory, 'pwned'), { force: true });
        if (problems.length > 0)
          found.push(`${next.verb}, ${next.name}: ${problems.join('; ')}\n${ended.stderr}`);
      }
      standIn.remove();
    };

    await Promise.all(Array.from({ length: availableParallelism() }, work));

    expect(found).toEqual([]);
  },
  // Hundreds of runs, also on a machine that is busy with other things.
  EVERYTHING ? 7_200_000 : 900_000,
);

function problemsOf(
  { status, stdout, stderr }: Ended,
  { content, verb, harmless }: Case & { verb: string },
  isPwned: boolean,
) {
  const problems: string[] = [];
  const givesToken = verb.startsWith('get') || verb === 'exec';
  const told = givesToken ? stderr : stdout + stderr;
  if (isPwned) problems.push('it ran a command');
  if (givesToken && stdout !== '' && stdout !== `${content.token}\n`)
    problems.push(`it gave out ${JSON.stringify(stdout)}`);
  // --not-version excludes the only token that there is.
  if (givesToken && harmless && stdout === '' && verb !== 'get --not-version')
    problems.push('it gave out nothing');
  if (status === null || ![0, 3, 4, 5].includes(status)) problems.push(`it ended with ${status}`);
  if (/[^\n -~]/.test(told)) problems.push(`it printed a control character: ${JSON.stringify(told)}`);
  if (/^\s*::|##/m.test(told)) problems.push(`it printed a workflow command: ${told}`);
  if (/syntax|arithmetic|unbound|not found|bad |illegal|number expected/i.test(stderr))
    problems.push('the shell complained');
  return problems;
}
