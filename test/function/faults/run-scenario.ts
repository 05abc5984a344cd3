import { setTimeout as sleep } from 'node:timers/promises';
import { fingerprintOf } from '../../../lambda/refresh/store.ts';
import { type Harness, MINUTE_MS, openHarness, type Read } from '../../../local/harness.ts';
import { CALLS, expectNoLeaks, holdUntilAllMeet, STATUS_PARAMETER, TOKEN_PARAMETER } from '../harnesses.ts';
import type { Scenario } from './scenario.ts';

const REFRESH_AFTER_MS = 50 * MINUTE_MS;
const MAX_BEATS = 6;
const LOOK_EVERY_MS = 20;
const READ_EVERY_MS = 500;

/** The tolerated difference of two clocks: a header's whole seconds, and the time of a request. */
const CLOCK_RESOLUTION_MS = 6_000;

/** The observations of a scenario. */
interface Seen {
  readonly answer: string;
  /** The token's version before the fault and right after it. */
  readonly versions: readonly (number | undefined)[];
  readonly reads: readonly Read[];
  /** The results of the beats after the fault. */
  readonly healing: readonly string[];
  /** How many of them were needed; undefined if more than the limit. */
  readonly healedAfter: number | undefined;
  readonly healedAt: Date;
}

/**
 * Plays a scenario in its own harness: the state before, the fault, beats until everything works again.
 *
 * @returns the deviations from the scenario's expectations; empty if there are none
 */
export async function runScenario(scenario: Scenario, base: Harness): Promise<readonly string[]> {
  const harness = await openHarness({ beside: base, ...scenario.options });
  try {
    await prepare(scenario, harness);
    const before = harness.stored()?.version;
    const reader = startReader(harness);
    await scenario.arrange(harness);
    const answer = await (scenario.act?.(harness) ?? harness.beat());
    const versions = [before, harness.stored()?.version];
    const told = problemsOfFailure(scenario, harness);
    harness.clearFaults();
    await scenario.repair?.(harness);
    const healed = await heal(scenario, harness, reader);
    const reads = await reader.stop();
    expectNoLeaks(harness);
    return [...told, ...problemsOf(scenario, harness, { answer, versions, reads, ...healed })];
  } finally {
    await harness.close();
  }
}

async function prepare({ before = 'due', instances = 1 }: Scenario, harness: Harness): Promise<void> {
  if (before === 'empty') return;
  await harness.invoke({});
  if (instances > 1) {
    holdUntilAllMeet(harness, CALLS.GetParameters, instances);
    await Promise.all(Array.from({ length: instances }, () => harness.invoke({})));
    harness.clearFaults();
  }
  if (before === 'due') harness.advance(REFRESH_AFTER_MS + MINUTE_MS);
}

/** A job that reads after each call to AWS, and otherwise twice a second, from the fault to the end. */
interface Reader {
  /** Reads now, whenever the last read was. */
  read(): Promise<void>;
  stop(): Promise<readonly Read[]>;
}

function startReader(harness: Harness): Reader {
  const reads: Read[] = [];
  let isRunning = true;
  const read = async (): Promise<void> => {
    reads.push(await harness.read());
  };
  const running = (async () => {
    let callsSeen = -1;
    let nextReadAt = 0;
    while (isRunning) {
      const calls = harness.aws.calls.length;
      if (calls !== callsSeen || performance.now() >= nextReadAt) {
        await read();
        // Its own call, too.
        callsSeen = calls + 1;
        nextReadAt = performance.now() + READ_EVERY_MS;
      }
      await sleep(LOOK_EVERY_MS);
    }
  })();
  return {
    read,
    async stop() {
      isRunning = false;
      await running;
      await read();
      return reads;
    },
  };
}

async function heal(scenario: Scenario, harness: Harness, reader: Reader) {
  const healing: string[] = [];
  const mayBeHealed = scenario.healedAfter === 0;
  if (mayBeHealed && problemsOfState(harness).length === 0)
    return { healedAfter: 0, healedAt: harness.now(), healing };
  for (let beats = 1; beats <= MAX_BEATS; beats += 1) {
    await reader.read();
    harness.advance(MINUTE_MS);
    await reader.read();
    healing.push(await harness.beat());
    if (problemsOfState(harness).length === 0)
      return { healedAfter: beats, healedAt: harness.now(), healing };
  }
  return { healedAfter: undefined, healedAt: harness.now(), healing };
}

/** Checks what is stored: a live token that is not due, and a status that describes it. */
function problemsOfState({ aws, tokens, now, stored }: Harness): string[] {
  const token = stored();
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

/** The failure's message, in Lambda's response and in the log. */
function problemsOfFailure({ says }: Scenario, { failures, process }: Harness): string[] {
  if (says === undefined) return [];
  const { name: code, message = '' } = failures.at(-1) ?? {};
  const { error } = JSON.parse(process.lines.at(-1) ?? '{}');
  return [
    ...(says.test(message) ? [] : [`"${message}" does not match ${says}`]),
    ...(error?.code === code && error?.message === message ? [] : ['the log line has another error']),
  ];
}

function problemsOf(scenario: Scenario, harness: Harness, seen: Seen): string[] {
  const { answer, versions, reads, healing, healedAfter, healedAt } = seen;
  const { before = 'due', takesTokenAway = false, healedBy } = scenario;
  const firstGood = reads.findIndex(({ problem }) => problem === undefined);
  const isExcused = ({ at }: Read, index: number): boolean =>
    (before === 'empty' && (firstGood < 0 || index < firstGood)) || (takesTokenAway && at <= healedAt);
  const bad = reads.filter((read, index) => read.problem !== undefined && !isExcused(read, index));
  const problems = [...new Set(bad.map(({ problem }) => `a reader found the token ${problem}`))];
  if (firstGood < 0) problems.push('no reader ever found a token');
  if (!isAsExpected(answer, scenario.answers))
    problems.push(`answered "${answer}" instead of "${scenario.answers}"`);
  if (scenario.says !== undefined && versions[0] !== versions[1])
    problems.push(`a failure turned version ${versions[0]} into ${versions[1]}`);
  if (!scenario.requestsCross && isOutdated(harness))
    problems.push('a token that was issued earlier stayed in the place of a later one');
  if (healedAfter === undefined)
    problems.push(`not healed: ${problemsOfState(harness).join(', ')}; ${healing.join(', then ')}`);
  else if (healedAfter > (scenario.healedAfter ?? 1))
    problems.push(`healed after ${healedAfter} beats: ${healing.join(', then ')}`);
  if (healedBy !== undefined && healing.at(-1) !== healedBy)
    problems.push(`healed by "${healing.at(-1)}" instead of "${healedBy}"`);
  return problems;
}

function isAsExpected(answer: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? answer === expected : expected.test(answer);
}

/**
 * Whether a token that was issued earlier is stored in the end. Parameter Store has no conditional write: of two mints at
 * once the earlier one may be written last. It is put back, or the next invocation mints a token that is later than both.
 */
function isOutdated({ aws, tokens }: Harness): boolean {
  const versions = aws.ssm.parameters.get(TOKEN_PARAMETER)?.versions ?? [];
  const last = versions.at(-1);
  const issued = [...tokens.keys()];
  return versions.some(({ value }) => {
    const diesAt = tokens.get(value);
    const wasLive = diesAt !== undefined && last !== undefined && diesAt > last.lastModifiedDate;
    return wasLive && issued.indexOf(value) > issued.indexOf(last.value);
  });
}
