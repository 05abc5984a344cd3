import { existsSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type AccountContent, installStandIn, type StandIn } from './support/aws-stand-in.ts';
import { HOSTILE_VALUES } from './support/hostile-values.ts';
import type { Ended } from './support/process.ts';
import { ALL_SHELLS, EVERYTHING, requireShells } from './support/shells.ts';

const TOKEN = 'the-right-token';
const CLASSES = Object.entries(HOSTILE_VALUES);
const VERBS: Readonly<Record<string, readonly string[]>> = {
  get: ['get', 'genesys'],
  'get --min-ttl': ['get', 'genesys', '--min-ttl', '2h'],
  'get --not-version': ['get', 'genesys', '--not-version', '42'],
  exec: ['exec', 'genesys', '--min-ttl', '2h', '--best-effort', '--', 'printenv', 'ACCESS_TOKEN'],
  status: ['status', 'genesys'],
  'status --json': ['status', 'genesys', '--json'],
  doctor: ['doctor', 'genesys'],
};
/**
 * Every landing runs each case under one of the shells, in turn, with one or a few verbs: a value that would run, under a
 * shell that runs `$( )` in numbers. With ALL_SHELLS=1 all verbs run on all cases under all shells.
 */
const EVALUATING_SHELLS = ALL_SHELLS.filter(({ name }) => /^(bash|ksh|zsh)/.test(name));

/** A hundred runs and more, also on a machine that is busy with other things. */
const LIMIT_MS = EVERYTHING ? 7_200_000 : 900_000;

interface Case {
  readonly name: string;
  readonly content: AccountContent;
  /** Whether the token has to be given out all the same. */
  readonly harmless: boolean;
  /** Whether one value would run a command. */
  readonly wouldRun: boolean;
  readonly verbs: readonly string[];
}

/** Fields that decide whether a token is given out: one of them is hostile at a time. */
const DECIDING = ['schemaVersion', 'tokenVersion', 'expiresAt', 'expiresAtEpoch'] as const;
/** All others, which are hostile at once, each with another class. */
const TELLING = [
  'fingerprint',
  'issuedAt',
  'refreshDueAt',
  'provider',
  'source',
  'encryptionKey',
  'secretStage',
  'jobGuaranteeSeconds',
  'aFieldOfALaterVersion',
];
const FAILURE = ['code', 'at', 'consecutive', 'retryAt'];
const ANSWER = ['outcome', 'reason', 'satisfied', 'failure', 'remainingSeconds', 'errorType', 'errorMessage'];
const STEP = ['step', 'code', 'message', 'remedy', 'warning', 'fault'];

describe.each(ALL_SHELLS)('under $name', ({ name, shell }) => {
  beforeAll(requireShells);

  test.each([
    ['fields that tell about the token change nothing but what is told', tellingCases],
    ['field that decides gives the right token or none', decidingCases],
    ['token, status, answer or error of AWS runs nothing', wholeCases],
  ])(
    'a hostile %s',
    async (_rule, cases) => {
      expect(await violations(shell, casesUnder(name, cases()))).toEqual([]);
    },
    LIMIT_MS,
  );
});

/** Each run has every field with another class; after as many runs as there are classes, each field had each. */
function tellingCases(): Case[] {
  return CLASSES.flatMap(([name], turn) => {
    let place = turn;
    const next = (key: string): [string, string] => {
      const [, json] = CLASSES[place++ % CLASSES.length] as [string, string];
      return [key, json];
    };
    const status = object([...healthy(), ...TELLING.map(next), ['lastFailure', object(FAILURE.map(next))]]);
    const steps = [object([...STEP.map(next), ['ok', 'false']]), object([...STEP.map(next), ['ok', 'true']])];
    const payload = object([...ANSWER.map(next), ['tokenVersion', '42'], ['steps', `[${steps}]`]]);
    const functionError = turn % 2 === 0 ? undefined : ('Unhandled' as const);
    const content = { ...HEALTHY, status, payload, ...(functionError && { functionError }) };
    return [{ name, content, harmless: true, wouldRun: false, verbs: ['get --min-ttl', 'status', 'doctor'] }];
  });
}

function decidingCases(): Case[] {
  return CLASSES.flatMap(([name, json], turn) =>
    DECIDING.map((field) => {
      const status = object([...healthy().filter(([key]) => key !== field), [field, json]]);
      const verb = Object.keys(VERBS)[turn % 4] as string;
      const content = { ...HEALTHY, status };
      return {
        name: `${field}: ${name}`,
        content,
        harmless: false,
        wouldRun: isCommand(json),
        verbs: [verb],
      };
    }),
  );
}

function wholeCases(): Case[] {
  return CLASSES.flatMap(([name, json], turn) => {
    const raw = json.startsWith('"') ? (parsed(json) ?? json) : json;
    const one = (part: string, content: Partial<AccountContent>, verbs: string[]): Case => ({
      name: `${part}: ${name}`,
      content: { ...HEALTHY, ...content },
      harmless: false,
      wouldRun: isCommand(json),
      verbs,
    });
    return [
      one('status', { status: raw }, [turn % 2 === 0 ? 'get --min-ttl' : 'status --json']),
      // Parameter Store takes no empty value.
      one('token', { token: raw === '' ? ' ' : raw }, [turn % 2 === 0 ? 'get' : 'exec']),
      one('answer', { payload: raw }, [turn % 2 === 0 ? 'get --not-version' : 'doctor']),
      one(
        'version answered',
        {
          payload: object([
            ['satisfied', 'true'],
            ['tokenVersion', json],
          ]),
        },
        ['get --min-ttl'],
      ),
      one('error of AWS', { invokeError: { code: 'AccessDeniedException', message: raw } }, [
        turn % 2 === 0 ? 'get --min-ttl' : 'doctor',
      ]),
    ];
  });
}

const HEALTHY: AccountContent = {
  token: TOKEN,
  version: 42,
  status: object(healthy()),
  payload: '{"outcome":"still-fresh","satisfied":false,"tokenVersion":42,"steps":[]}',
};

function healthy(): [string, string][] {
  const at = (seconds: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + seconds * 1000);
  return [
    ['schemaVersion', '1'],
    ['tokenVersion', '42'],
    ['expiresAt', JSON.stringify(at(3000).toISOString())],
    ['expiresAtEpoch', String(at(3000).getTime() / 1000)],
  ];
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

/** Runs the cases, and returns what went wrong: nothing may run, and nothing but the right token may be given out. */
async function violations(shell: readonly string[], cases: readonly Case[]): Promise<string[]> {
  const found: string[] = [];
  const runs = cases.flatMap((one) =>
    (EVERYTHING ? Object.keys(VERBS) : one.verbs).map((verb) => ({ ...one, verb })),
  );
  const work = async (): Promise<void> => {
    const standIn = installStandIn();
    for (let next = runs.pop(); next !== undefined; next = runs.pop()) {
      const ended = await runCase(shell, next, standIn);
      const problems = problemsOf(ended, next, standIn.directory);
      rmSync(join(standIn.directory, 'pwned'), { force: true });
      if (problems.length > 0)
        found.push(`${next.verb}, ${next.name}: ${problems.join('; ')}\n${ended.stderr}`);
    }
    standIn.remove();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return found;
}

function casesUnder(name: string, cases: readonly Case[]): readonly Case[] {
  if (EVERYTHING) return cases;
  return cases.filter(({ wouldRun }, index) => {
    const shells = wouldRun ? EVALUATING_SHELLS : ALL_SHELLS;
    return shells[index % shells.length]?.name === name;
  });
}

function isCommand(json: string): boolean {
  return json.includes('touch pwned');
}

function runCase(
  shell: readonly string[],
  { content, verb }: Case & { verb: string },
  standIn: StandIn,
): Promise<Ended> {
  standIn.serve(content);
  // ksh sleeps by itself: without that, it finds the stand-in's sleep, which only moves the clock.
  const start = shell[0] === 'ksh' ? ['ksh', '-c', 'builtin -d sleep; . "$0"'] : shell;
  return standIn.job(VERBS[verb] ?? [], { shell: start });
}

function problemsOf(
  { status, stdout, stderr }: Ended,
  { content, verb, harmless }: Case & { verb: string },
  home: string,
) {
  const problems: string[] = [];
  const givesToken = verb.startsWith('get') || verb === 'exec';
  const told = givesToken ? stderr : stdout + stderr;
  if (existsSync(join(home, 'pwned'))) problems.push('it ran a command');
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
