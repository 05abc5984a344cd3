import { type FunctionHarness, openFunctionHarness } from '../../local/function-harness.ts';
import { printMatrix } from './matrix.ts';
import { startProgress } from './progress.ts';
import { runScenario } from './run-scenario.ts';
import type { Scenario, Verdict } from './scenario.ts';
import { awsCalls } from './scenarios/aws-calls.ts';
import { clocks } from './scenarios/clocks.ts';
import { encryptionKey } from './scenarios/encryption-key.ts';
import { instances } from './scenarios/instances.ts';
import { kills } from './scenarios/kills.ts';
import { parameters } from './scenarios/parameters.ts';
import { secret } from './scenarios/secret.ts';
import { tokenEndpoint } from './scenarios/token-endpoint.ts';

/** Every fault, in the order of the matrix. */
export const SCENARIOS: readonly Scenario[] = [
  ...kills,
  ...awsCalls,
  ...parameters,
  ...encryptionKey,
  ...secret,
  ...tokenEndpoint,
  ...instances,
  ...clocks,
];

/** Scenarios that run at once: most of their time is waiting. Each lane has an authorization server of its own. */
const LANES = 3;

const UNRESERVED = () => ({ reservedConcurrency: 0 });

/**
 * Drives the synthesized bundle, in its own process, through each fault, and prints the matrix.
 *
 * @param words runs only the faults whose line contains one of these
 * @returns the exit code: 0 only if each fault came out as promised
 */
export async function run(words: readonly string[]): Promise<number> {
  const scenarios = SCENARIOS.filter(({ group, fault }) =>
    words.length === 0 ? true : words.some((word) => `${group}: ${fault}`.includes(word)),
  );
  const verdicts = new Map<Scenario, Verdict>();
  const waiting = [...scenarios];
  const progress = startProgress(scenarios.length);
  const runLane = async (): Promise<void> => {
    let base: FunctionHarness | undefined;
    let unreserved: FunctionHarness | undefined;
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        base ??= await openFunctionHarness({});
        if (next.isUnreserved) unreserved ??= await openFunctionHarness({ beside: base, token: UNRESERVED });
        verdicts.set(next, await runScenario(next, (next.isUnreserved && unreserved) || base));
        progress.step(`${next.group}: ${next.fault}`);
      }
    } finally {
      await unreserved?.close();
      await base?.close();
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, runLane));
  } finally {
    progress.stop();
  }
  const inOrder = scenarios.flatMap((scenario) => verdicts.get(scenario) ?? []);
  return printMatrix(inOrder, (line) => console.log(line)) ? 0 : 1;
}
