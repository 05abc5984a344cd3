import { describeViolations, exploreSet, FULL, QUICK, replayText } from './explorations.ts';

/**
 * Explores every order of events and prints a line for each set; ends with 1 where there is a violation.
 *
 * `node test/lambda/refresh/explorer/main.ts [--quick | --replay '<schedule>'] [--stop-at-first]`
 */
const [option, schedule] = process.argv.slice(2);
if (option === '--replay') {
  const { steps, problem } = await replayText(schedule ?? '');
  console.log([...steps, problem ?? 'No violation.'].join('\n'));
  process.exitCode = problem === undefined ? 0 : 1;
} else {
  for (const set of option === '--quick' ? QUICK : FULL) {
    const startedAt = Date.now();
    const stopAtFirst = process.argv.includes('--stop-at-first');
    const { schedules, states, violations } = await exploreSet(set, { stopAtFirst });
    const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
    console.log(
      `${set.name}: ${set.scenarios.length} scenarios, ${schedules.toLocaleString('en')} schedules, ${states.toLocaleString('en')} states, ${violations.length} violations, ${seconds} s`,
    );
    for (const text of describeViolations(violations)) console.log(text);
    if (violations.length > 0) process.exitCode = 1;
    if (violations.length > 0 && stopAtFirst) break;
  }
}
