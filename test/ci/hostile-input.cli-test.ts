import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type AccountContent, accountContent, installStandIn, statusOf } from './support/aws-stand-in.ts';
import type { Ended } from './support/process.ts';
import { ALL_SHELLS, EVERYTHING, requireShells } from './support/shells.ts';

const text = (value: string): string => JSON.stringify(value);

/** Hostile values for a field, as JSON, from somebody who may write a parameter or answer as the refresher. */
const CLASSES = Object.entries({
  'command substitution': text('$(touch pwned) `touch pwned`'),
  'an array index that runs': text('x[$(touch pwned)]'),
  'a time that runs': text('2099-01-01T12:00:00+epoch[$(touch pwned)]Z'),
  'a number that runs': 'x[$(touch pwned)]',
  'a number, then what runs': '1+x[$(touch pwned)]',
  'quotes and commands': text(`'; touch pwned; "; touch pwned; '`),
  'quotes that end the string': '"a"; touch pwned; "b"',
  'sed and printf': text('%n%s%d\\1&/e touch pwned'),
  options: text('--output=text'),
  'an element of its own': text('",\n    99,\n    "EVIL'),
  'keys of its own': text('","tokenVersion":42,"expiresAtEpoch":9999999999,"x":"'),
  'half an escape': text('\\'),
  'a carriage return': text('\rEVIL'),
  'escape sequences': text('\u001b[2J\u001b]0;EVIL\u0007'),
  'raw control characters': '"\u001b[2J\u0001\u007f"',
  'marks of the script itself': text('\u001c\u001d\u001c'),
  'characters beyond ASCII': text('\u0085\u009b31m \u202e\u2066EVIL\ufeff'),
  'a command of Azure Pipelines': text('##vso[task.setvariable variable=x]EVIL'),
  'a command of Azure Pipelines, escaped':
    '"#\\u0023vso[task.setvariable variable=x]#\\#[set-env name=x]EVIL"',
  'a command of GitHub Actions': text('::set-env name=PATH::EVIL\n::set-env name=PATH::EVIL\n'),
  'a glob': text('* ? [a-z] ~ ..'),
  'a bad octal number': '08',
  'a negative number': '-1',
  'a number without end': '9'.repeat(400),
  'a text without end': text('A'.repeat(3000)),
  nothing: text(''),
  null: 'null',
  'a list': '["$(touch pwned)"]',
  'an object': '{"tokenVersion":42,"code":"x[$(touch pwned)]"}',
});
const VERBS: Readonly<Record<string, readonly string[]>> = {
  get: ['get', 'genesys'],
  'get --min-ttl': ['get', 'genesys', '--min-ttl', '2h'],
  status: ['status', 'genesys'],
  'status --json': ['status', 'genesys', '--json'],
  'get --not-version': ['get', 'genesys', '--not-version', '42'],
  exec: ['exec', 'genesys', '--min-ttl', '2h', '--best-effort', '--', 'printenv', 'ACCESS_TOKEN'],
  doctor: ['doctor', 'genesys'],
};
/** Fields that decide whether a token is given out: one of them is hostile at a time. */
const DECIDING = ['schemaVersion', 'tokenVersion', 'expiresAtEpoch'];
/** All others, which are hostile at once, each with another class. */
const TELLING = [
  ...['fingerprint', 'issuedAt', 'expiresAt', 'refreshDueAt', 'provider', 'source', 'encryptionKey'],
  ...['secretStage', 'secretCreatedAt', 'jobGuaranteeSeconds', 'aFieldOfALaterVersion'],
];
const FAILURE = ['code', 'at', 'consecutive', 'retryAt'];
const ANSWER = ['outcome', 'reason', 'satisfied', 'failure', 'remainingSeconds', 'errorType', 'errorMessage'];
const STEP = ['step', 'code', 'message', 'remedy', 'warning', 'fault'];
const HEALTHY = Object.entries(JSON.parse(statusOf(42, 3000)))
  .filter(([key]) => DECIDING.includes(key))
  .map(([key, value]): [string, string] => [key, JSON.stringify(value)]);

type Case = ReturnType<typeof telling>;

/** Every landing takes a third of those with one hostile part; `npm run prove -- shells` takes all. */
const CASES = CLASSES.flatMap(([name, json], turn): Case[] => {
  const raw = json.startsWith('"') ? (parsed(json) ?? json) : json;
  const refusal = { code: 'AccessDeniedException', message: raw };
  const ones: [string, Partial<AccountContent>, string, string][] = [
    ...DECIDING.map((key): (typeof ones)[number] => {
      const status = object([...HEALTHY.filter(([other]) => other !== key), [key, json]]);
      const [verb = '', other = ''] = Object.keys(VERBS).slice(turn % 4);
      return [key, { status }, verb, other];
    }),
    ['status', { status: raw }, 'get --min-ttl', 'status --json'],
    // Parameter Store takes no empty value.
    ['token', { token: raw === '' ? ' ' : raw }, 'get', 'exec'],
    ['answer', { payload: raw }, 'get --not-version', 'doctor'],
    ['version', { payload: `{"satisfied":true,"tokenVersion":${json}}` }, 'get --min-ttl', 'get --min-ttl'],
    ['error of AWS', { invokeError: refusal }, 'get --min-ttl', 'doctor'],
  ];
  return [
    telling(turn),
    ...ones
      .filter((_, place) => EVERYTHING || (place + turn) % 3 === 0)
      .map(([part, content, even, odd]) => ({
        name: `${part}: ${name}`,
        content,
        verbs: [turn % 2 === 0 ? even : odd],
        harmless: false,
      })),
  ];
});

/**
 * Each of these has every field with another class; over as many as there are classes, each field has each. `harmless`: the
 * token has to be given out all the same.
 */
function telling(turn: number) {
  let place = turn;
  const next = (key: string): [string, string] => [key, CLASSES[place++ % CLASSES.length]?.[1] ?? ''];
  const status = object([...HEALTHY, ...TELLING.map(next), ['lastFailure', object(FAILURE.map(next))]]);
  const steps = [object([...STEP.map(next), ['ok', 'false']]), object([...STEP.map(next), ['ok', 'true']])];
  const payload = object([...ANSWER.map(next), ['tokenVersion', '42'], ['steps', `[${steps}]`]]);
  const content: Partial<AccountContent> = {
    status,
    payload,
    ...(turn % 2 === 0 ? {} : { functionError: 'Unhandled' as const }),
  };
  const verbs = ['get --min-ttl', 'status', 'doctor'];
  return { name: `all that tells, from ${turn}`, content, verbs, harmless: true };
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

beforeAll(requireShells);

/** Every landing runs each case under one of the shells, in turn. */
test.each(ALL_SHELLS.map((shell, index) => ({ ...shell, index })))(
  'a hostile field, token, status, answer or error runs nothing and gives out nothing else, under $name',
  async ({ name, shell, index }) => {
    // ksh sleeps by itself: without that, it finds the stand-in's sleep, which only moves the clock.
    const start = name === 'ksh' ? ['ksh', '-c', 'builtin -d sleep; . "$0"'] : shell;
    const runs = CASES.filter((_, turn) => EVERYTHING || turn % ALL_SHELLS.length === index).flatMap((one) =>
      (EVERYTHING ? Object.keys(VERBS) : one.verbs).map((verb) => ({ ...one, verb })),
    );
    const found: string[] = [];
    const work = async (): Promise<void> => {
      const standIn = installStandIn();
      for (let next = runs.pop(); next !== undefined; next = runs.pop()) {
        const account = accountContent(next.content);
        standIn.serve(account);
        const ended = await standIn.job(VERBS[next.verb] ?? [], { shell: start });
        const problems = problemsOf(ended, next, account.token);
        if (standIn.isPwned()) problems.push('it ran a command');
        rmSync(join(standIn.directory, 'pwned'), { force: true });
        if (problems.length > 0) found.push([next.verb, next.name, ...problems, ended.stderr].join('\n'));
      }
    };

    await Promise.all(Array.from({ length: availableParallelism() }, work));

    expect(found).toEqual([]);
  },
  // Hundreds of runs, also on a machine that is busy with other things.
  EVERYTHING ? 7_200_000 : 900_000,
);

function problemsOf(
  { status, stdout, stderr }: Ended,
  { verb, harmless }: Case & { readonly verb: string },
  token: string | null,
): string[] {
  const givesToken = verb.startsWith('get') || verb === 'exec';
  const told = givesToken ? stderr : stdout + stderr;
  const problems: [boolean, string][] = [
    [givesToken && stdout !== '' && stdout !== `${token}\n`, `it gave out ${JSON.stringify(stdout)}`],
    // --not-version excludes the only token that there is.
    [givesToken && harmless && stdout === '' && verb !== 'get --not-version', 'it gave out nothing'],
    [![0, 3, 4, 5].includes(status ?? -1), `it ended with ${status}`],
    [/[^\n -~]/.test(told), `it printed a control character: ${JSON.stringify(told)}`],
    [/^\s*::|##/m.test(told), `it printed a workflow command: ${told}`],
    [
      /syntax|arithmetic|unbound|not found|bad |illegal|number expected/i.test(stderr),
      'the shell complained',
    ],
  ];
  return problems.flatMap(([isOne, problem]) => (isOne ? [problem] : []));
}
