import { fingerprintOf } from '../../../lambda/refresh/store.ts';
import { type Harness, type HarnessOptions, MINUTE_MS, openHarness } from '../../../local/harness.ts';
import { CALLS, expectNoLeaks, holdUntilAllMeet } from '../harnesses.ts';

/** One fault, at a named point. */
export interface Scenario {
  readonly fault: string;
  /** The state before: a due token with nine minutes left, a fresh one, or nothing. @default 'due' */
  readonly before?: 'due' | 'fresh' | 'empty';
  /** How the harness differs from the plain one. */
  readonly options?: HarnessOptions;
  /** Small accounts cannot reserve concurrency: then so many instances of the function run at once, all of them warm. */
  readonly instances?: number;
  /** Scripts the fault, or causes it. */
  readonly arrange: (harness: Harness) => unknown;
  /** What runs during the fault; returns its result. @default one beat */
  readonly act?: (harness: Harness) => Promise<string>;
  /** Undoes what is not a scripted fault; scripted faults are cleared in any case. */
  readonly repair?: (harness: Harness) => unknown;
  /** What the act answers: `outcome, reason` or the failure's code. */
  readonly answers: string | RegExp;
  /** Text of the failure's message. Such a failure keeps the stored token. */
  readonly says?: RegExp;
  /** The result of the beat that heals. @default not checked */
  readonly healedBy?: string;
  /** Beats after the fault until everything works again; 0: the beat with the fault heals. @default 1 */
  readonly healedAfter?: number;
  /** The fault itself makes the token unreadable, until the beat that heals. */
  readonly takesTokenAway?: boolean;
}

const MAX_BEATS = 6;
/** The tolerated difference of two clocks: a header's whole seconds, and the time of a request. */
const CLOCK_RESOLUTION_MS = 6_000;

/**
 * Runs the synthesized bundle in its own process with each fault at a named point. A job reads during
 * the fault and at the end; the explorer reads at each step. See docs/development/faults.md. All scenarios of a suite share its synthesis and its authorization server.
 */
export function testScenarios(scenarios: readonly Scenario[]): void {
  const opened = new Map<boolean, Promise<Harness>>();
  const openBase = (isReserved: boolean) =>
    openHarness(isReserved ? {} : { token: () => ({ reservedConcurrency: 0 }) });

  afterAll(async () => {
    for (const harness of opened.values()) await (await harness).close();
  });

  test.each(scenarios.map((scenario) => [scenario.fault, scenario] as const))('%s', async (_, scenario) => {
    const isReserved = scenario.instances === undefined;
    const base = opened.get(isReserved) ?? openBase(isReserved);
    opened.set(isReserved, base);
    const harness = await openHarness({ beside: await base, ...scenario.options });
    try {
      expect(await problemsOf(scenario, harness)).toEqual([]);
      expectNoLeaks(harness);
    } finally {
      await harness.close();
    }
  });
}

/** Kills the process when the call arrives; AWS never executes it. */
export function killBefore(harness: Harness, match: (typeof CALLS)[keyof typeof CALLS]): void {
  harness.aws.faults.hook('before-executing', match, () => harness.process.kill());
  harness.aws.faults.add({ match, fault: { kind: 'cut-before-executing' } });
}

/** Plays a scenario: the state before, the fault, beats until everything works again. Returns the deviations. */
async function problemsOf(scenario: Scenario, harness: Harness): Promise<string[]> {
  await prepare(scenario, harness);
  await scenario.arrange(harness);
  const before = harness.stored()?.version;
  const answer = await (scenario.act?.(harness) ?? harness.beat());
  const problems: string[] = [];
  const read = async () => {
    const { problem } = await harness.read();
    if (problem !== undefined) problems.push(`a reader found the token ${problem}`);
  };
  if (scenario.before !== 'empty' && !scenario.takesTokenAway) await read();
  if (!(scenario.answers instanceof RegExp ? scenario.answers.test(answer) : answer === scenario.answers))
    problems.push(`answered "${answer}" instead of "${scenario.answers}"`);
  if (scenario.says !== undefined) problems.push(...problemsOfFailure(scenario.says, harness));
  if (scenario.says !== undefined && harness.stored()?.version !== before)
    problems.push(`a failure turned version ${before} into ${harness.stored()?.version}`);
  harness.clearFaults();
  await scenario.repair?.(harness);
  problems.push(...(await problemsOfHealing(scenario, harness)));
  await read();
  return problems;
}

async function prepare({ before = 'due', instances = 1 }: Scenario, harness: Harness): Promise<void> {
  if (before === 'empty') return;
  await harness.invoke({});
  if (instances > 1) {
    holdUntilAllMeet(harness, CALLS.GetParameters, instances);
    await Promise.all(Array.from({ length: instances }, () => harness.invoke({})));
    harness.clearFaults();
  }
  if (before === 'due') harness.advance(51 * MINUTE_MS);
}

/** Beats until everything works again. */
async function problemsOfHealing(
  { healedAfter = 1, healedBy }: Scenario,
  harness: Harness,
): Promise<string[]> {
  const healing: string[] = [];
  while (problemsOfState(harness).length > 0 && healing.length < MAX_BEATS) {
    harness.advance(MINUTE_MS);
    healing.push(await harness.beat());
  }
  const problems = problemsOfState(harness);
  if (healing.length > healedAfter) problems.push(`healed after ${healing.length}: ${healing.join(', ')}`);
  if (healedBy !== undefined && healing.at(-1) !== healedBy)
    problems.push(`healed by "${healing.at(-1)}" instead of "${healedBy}"`);
  return problems;
}

/** Checks what is stored: a live token that is not due, and a status that describes it. */
function problemsOfState(harness: Harness): string[] {
  const token = harness.stored();
  const expiresAt = harness.tokens.get(token?.value ?? '');
  if (token === undefined || expiresAt === undefined || expiresAt <= harness.now())
    return ['no live token is stored'];
  const status = statusOf(harness);
  const problems: string[] = [];
  if (status.tokenVersion !== token.version) problems.push('the status describes another version');
  if (status.fingerprint !== fingerprintOf(token.value)) problems.push('the status describes another token');
  const claimsMs = Date.parse(String(status.expiresAt)) - expiresAt.getTime();
  if (!(Math.abs(claimsMs) <= CLOCK_RESOLUTION_MS))
    problems.push(`the status is wrong about the expiry by ${Math.round(claimsMs / 1000)} s`);
  if (!(Date.parse(String(status.refreshDueAt)) > harness.now().getTime()))
    problems.push('the token is still due');
  if (status.lastFailure !== null) problems.push('the status still tells of a failure');
  return problems;
}

/** The stored status, which a scenario may have made unreadable. */
function statusOf(harness: Harness): Readonly<Record<string, unknown>> {
  try {
    return harness.status() ?? {};
  } catch {
    return {};
  }
}

/** The failure's message, in Lambda's response and in the log. */
function problemsOfFailure(says: RegExp, { failures, process }: Harness): string[] {
  const { name: code, message = '' } = failures.at(-1) ?? {};
  const { error } = JSON.parse(process.lines.at(-1) ?? '{}');
  return [
    ...(says.test(message) ? [] : [`"${message}" does not match ${says}`]),
    ...(error?.code === code && error?.message === message ? [] : ['the log line has another error']),
  ];
}
