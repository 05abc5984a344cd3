import { type Harness, openHarness } from '../../../local/harness.ts';
import { runScenario } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';

/** The time limit of a scenario: a function that hangs until its own time limit, and the beats after it. */
const TIME_LIMIT_MS = 240_000;

/**
 * Runs the synthesized bundle in its own process with each fault at a named point, while a job reads: see
 * docs/development/faults.md. All scenarios of a suite share its functions and authorization servers, which it synthesizes and starts once.
 */
export function testScenarios(scenarios: readonly Scenario[]): void {
  const opened = new Map<boolean, Promise<Harness>>();

  afterAll(async () => {
    for (const harness of opened.values()) await (await harness).close();
  });

  test.each(scenarios.map((scenario) => [`${scenario.group}: ${scenario.fault}`, scenario] as const))(
    '%s',
    async (_name, scenario) => {
      const isReserved = scenario.instances === undefined;
      const base = opened.get(isReserved) ?? openBase(isReserved);
      opened.set(isReserved, base);

      const problems = await runScenario(scenario, await base);

      expect(problems).toEqual([]);
    },
    TIME_LIMIT_MS,
  );
}

function openBase(isReserved: boolean): Promise<Harness> {
  return openHarness(isReserved ? {} : { token: () => ({ reservedConcurrency: 0 }) });
}
