import { type FunctionHarness, openFunctionHarness } from '../../local/function-harness.ts';
import { awsCalls } from './faults/aws-calls.ts';
import { clocks } from './faults/clocks.ts';
import { encryptionKey } from './faults/encryption-key.ts';
import { instances } from './faults/instances.ts';
import { kills } from './faults/kills.ts';
import { parameters } from './faults/parameters.ts';
import { runScenario } from './faults/run-scenario.ts';
import type { Scenario } from './faults/scenario.ts';
import { secret } from './faults/secret.ts';
import { tokenEndpoint } from './faults/token-endpoint.ts';

/*
 * Runs the synthesized bundle in its own process with each fault at a named point, while a job reads continuously: see
 * docs/faults.md. The scenarios mostly wait, so that several run at the same time.
 */
const SCENARIOS: readonly Scenario[] = spreadThoseThatWait([
  ...kills,
  ...awsCalls,
  ...parameters,
  ...encryptionKey,
  ...secret,
  ...tokenEndpoint,
  ...instances,
  ...clocks,
]);

/** Mixes the scenarios, so that not all that run at the same time wait for a time limit. */
function spreadThoseThatWait(scenarios: readonly Scenario[]): readonly Scenario[] {
  const waits = ({ fault }: Scenario) => /hangs|byte by byte|frozen/.test(fault);
  const waiting = scenarios.filter(waits);
  const others = scenarios.filter((one) => !waits(one));
  const every = Math.floor(others.length / waiting.length);
  return others.flatMap((one, index) =>
    index % every === 0 ? [...waiting.slice(index / every, index / every + 1), one] : [one],
  );
}

/** The time limit of a scenario: a function that hangs until its own time limit, and the beats after it. */
const TIME_LIMIT_MS = 240_000;

/** Unused functions and authorization servers. A scenario takes one alone, because it scripts its faults. */
const free: Record<'reserved' | 'unreserved', FunctionHarness[]> = { reserved: [], unreserved: [] };
const opened: FunctionHarness[] = [];

async function openBase(kind: keyof typeof free): Promise<FunctionHarness> {
  const unreserved = { token: () => ({ reservedConcurrency: 0 }) };
  const base = await openFunctionHarness(kind === 'unreserved' ? unreserved : {});
  opened.push(base);
  return base;
}

afterAll(() => Promise.all(opened.map((harness) => harness.close())));

test.concurrent.each(
  SCENARIOS.map((scenario) => [`${scenario.group}: ${scenario.fault}`, scenario] as const),
)(
  '%s',
  async (_name, scenario) => {
    const kind = scenario.instances === undefined ? 'reserved' : 'unreserved';
    const base = free[kind].pop() ?? (await openBase(kind));

    const problems = await runScenario(scenario, base).finally(() => free[kind].push(base));

    expect(problems).toEqual([]);
  },
  TIME_LIMIT_MS,
);
