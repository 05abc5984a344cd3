import { setTimeout as sleep } from 'node:timers/promises';
import { fingerprintOf } from '../../lambda/refresh/store.ts';
import type { FunctionHarness } from '../../local/function-harness.ts';
import {
  type FaultRoom,
  MINUTE_MS,
  type Read,
  STATUS_PARAMETER,
  startFaultRoom,
  TOKEN_PARAMETER,
} from './fault-room.ts';
import type { Scenario, Verdict } from './scenario.ts';

const REFRESH_AFTER_MS = 50 * MINUTE_MS;
const MAX_BEATS = 6;
const READ_PAUSE_MS = 4;

/** A header's whole seconds, and the time that a request takes: what two clocks may differ by. */
const CLOCK_RESOLUTION_MS = 6_000;

/**
 * Two mints that are under way at once differ by no more than a mint may take. Parameter Store has no conditional
 * write, so the later-expiring token wins by being put back: what is worse by more than that is a loss if it stays.
 */
const CONCURRENT_MINT_MS = 20_000;
const PUT_BACK_MS = 2_000;

/** Plays a scenario in a room of its own: the state before, the fault, beats until all is well; and judges it. */
export async function runScenario(scenario: Scenario, base: FunctionHarness): Promise<Verdict> {
  const room = await startFaultRoom(base, scenario.room ?? {});
  try {
    await prepare(scenario, room);
    const reader = startReader(room);
    await scenario.arrange(room);
    const answer = await (scenario.act?.(room) ?? room.beat());
    room.clearFaults();
    await scenario.repair?.(room);
    const healing = await heal(scenario, room);
    const reads = await reader.stop();
    return judge(scenario, room, { answer, reads, ...healing });
  } finally {
    room.clearFaults();
    await room.close();
  }
}

async function prepare({ before = 'due' }: Scenario, room: FaultRoom): Promise<void> {
  if (before === 'empty') return;
  await room.beat({});
  if (before === 'due') room.advance(REFRESH_AFTER_MS + MINUTE_MS);
}

/** A job that reads all the time, from the fault to the end. */
function startReader(room: FaultRoom) {
  const reads: Read[] = [];
  let isRunning = true;
  const running = (async () => {
    while (isRunning) {
      reads.push(await room.readOnce());
      await sleep(READ_PAUSE_MS);
    }
  })();
  return {
    async stop(): Promise<readonly Read[]> {
      isRunning = false;
      await running;
      // What the very end looks like, whenever the last read was.
      reads.push(await room.readOnce());
      return reads;
    },
  };
}

async function heal(scenario: Scenario, room: FaultRoom) {
  const answers: string[] = [];
  const mayBeHealed = scenario.healedAfter === 0;
  if (mayBeHealed && problemsOfState(room).length === 0)
    return { healedAfter: 0, healedAt: room.now(), answers };
  for (let beats = 1; beats <= MAX_BEATS; beats += 1) {
    room.advance(MINUTE_MS);
    answers.push(await room.beat());
    if (problemsOfState(room).length === 0) return { healedAfter: beats, healedAt: room.now(), answers };
  }
  return { healedAfter: undefined, healedAt: room.now(), answers };
}

/** What is stored, looked at from the inside: a live token that is not due, and a status that tells the truth about it. */
function problemsOfState({ aws, tokens, now }: FaultRoom): string[] {
  const token = aws.ssm.parameters.get(TOKEN_PARAMETER)?.versions.at(-1);
  const json = aws.ssm.parameters.get(STATUS_PARAMETER)?.versions.at(-1)?.value;
  if (token === undefined || json === undefined) return ['something is missing'];
  const expiresAt = tokens.get(token.value);
  if (expiresAt === undefined || expiresAt <= now()) return ['the stored token is dead'];
  const status = parse(json);
  const problems: string[] = [];
  if (status.tokenVersion !== token.version) problems.push('the status describes another version');
  if (status.fingerprint !== fingerprintOf(token.value)) problems.push('the status describes another token');
  const claimsMs = Date.parse(String(status.expiresAt)) - expiresAt.getTime();
  if (!(Math.abs(claimsMs) <= CLOCK_RESOLUTION_MS))
    problems.push(`the status is wrong about the expiry by ${Math.round(claimsMs / 1000)} s`);
  if (!(Date.parse(String(status.refreshDueAt)) > now().getTime())) problems.push('the token is still due');
  if (status.lastFailure !== null) problems.push('the status still tells of a failure');
  return problems;
}

function parse(json: string): Record<string, unknown> {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}

function judge(
  scenario: Scenario,
  room: FaultRoom,
  seen: {
    readonly answer: string;
    readonly reads: readonly Read[];
    readonly healedAfter: number | undefined;
    readonly healedAt: Date;
    /** What the beats after the fault answered. */
    readonly answers: readonly string[];
  },
): Verdict {
  const { answer, reads, healedAfter, healedAt } = seen;
  const { before = 'due', takesTokenAway = false } = scenario;
  const firstGood = reads.findIndex(({ problem }) => problem === undefined);
  const isExcused = ({ at }: Read, index: number): boolean =>
    (before === 'empty' && (firstGood < 0 || index < firstGood)) || (takesTokenAway && at <= healedAt);
  const bad = reads.filter((read, index) => read.problem !== undefined && !isExcused(read, index));
  const remaining = reads.flatMap(({ at, expiresAt }) =>
    expiresAt === undefined ? [] : [expiresAt.getTime() - at.getTime()],
  );
  const worse = worstReplacement(room);
  const expected = scenario.healedAfter ?? 1;
  const problems = [
    ...(isAsExpected(answer, scenario.answers)
      ? []
      : [`answered "${answer}" instead of "${scenario.answers}"`]),
    ...[...new Set(bad.map(({ problem }) => problem))].map(
      (problem) => `a reader found the token ${problem}`,
    ),
    ...(isLoss(worse) ? ['a worse token replaced a better one'] : []),
    ...(healedAfter === undefined
      ? [`not healed: ${problemsOfState(room).join(', ')}; ${seen.answers.join(', then ')}`]
      : []),
    ...(healedAfter !== undefined && healedAfter > expected
      ? [`healed after ${healedAfter} beats: ${seen.answers.join(', then ')}`]
      : []),
    ...(firstGood < 0 ? ['no reader ever found a token'] : []),
  ];
  return {
    scenario,
    answer,
    reads: reads.length,
    badReads: bad.length,
    leastRemainingMs: remaining.length === 0 ? undefined : Math.min(...remaining),
    worse,
    healedAfter,
    problems,
  };
}

/** Whether readers lost by a replacement: by more than a mint's time, and for longer than putting back takes. */
export function isLoss(worse: Verdict['worse']): boolean {
  return worse !== undefined && worse.byMs > CONCURRENT_MINT_MS && worse.forMs > PUT_BACK_MS;
}

function isAsExpected(answer: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? answer === expected : expected.test(answer);
}

/** Goes through all versions that the token ever had, for the one that expired earliest before the one it replaced. */
function worstReplacement({ aws, tokens }: FaultRoom): Verdict['worse'] {
  const versions = aws.ssm.parameters.get(TOKEN_PARAMETER)?.versions ?? [];
  const worse = versions.flatMap(({ value, lastModifiedDate }, index) => {
    const replaced = tokens.get(versions[index - 1]?.value ?? '');
    const own = tokens.get(value);
    // Somebody's hand wrote one of them, or the earlier one was dead: then there was nothing to lose.
    if (replaced === undefined || own === undefined || replaced <= lastModifiedDate) return [];
    const byMs = replaced.getTime() - own.getTime();
    const until = versions[index + 1]?.lastModifiedDate.getTime() ?? Number.POSITIVE_INFINITY;
    return byMs > 0 ? [{ byMs, forMs: until - lastModifiedDate.getTime() }] : [];
  });
  return worse.sort((one, other) => other.byMs - one.byMs)[0];
}
