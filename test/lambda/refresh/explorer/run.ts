import { startExecution } from './execution.ts';
import { scenarios } from './scenarios.ts';
import { explore } from './schedule.ts';

Error.stackTraceLimit = 0;
const only = process.argv[3];
const t0 = Date.now();
let total = 0,
  states = 0;
const problems = new Map<string, string>();
const faults = Number(process.argv[2] ?? 2);
for (const instances of (['each its own', 'one'] as const).filter((i) => !only || i === only)) {
  for (const scenario of scenarios({ requests: 2, instances })) {
    const r = await explore({ start: () => startExecution(scenario), maxFaults: faults });
    total += r.schedules;
    states += r.states;
    for (const c of r.counterexamples) {
      const p = problems.get(c.problem);
      const text = `${scenario.name}, ${c.faults} faults\n   ${c.steps.join('\n   ')}`;
      if (!p || p.split('\n').length > text.split('\n').length) problems.set(c.problem, text);
    }
  }
  console.log(instances, total, states, Date.now() - t0);
}
for (const [p, t] of problems) console.log(p, '\n  ', t);
