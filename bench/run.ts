/**
 * `npm run bench -- NAME [options]`: runs one of the benches. Each is loaded only when asked for, and returns its
 * exit code: 0 only if everything it was to show, it showed.
 */
type Bench = { readonly run: (args: readonly string[]) => Promise<number> };

const BENCHES: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Bench> }>> = {
  availability: {
    about: 'a simulated year: builds lost, the promise M and H, the alarm; --quick, --seed N, --no-pictures',
    load: () => import('./availability/availability.ts'),
  },
  beat: {
    about: 'a warm process: time, CPU and calls of an idle beat and of a mint; --mints N',
    load: () => import('./beat/beat.ts'),
  },
  'cold-start': {
    about: 'whole processes: an idle beat and a mint, beside what people would otherwise deploy; --rounds N',
    load: () => import('./cold-start/cold-start.ts'),
  },
  gateway: {
    about: 'calls that token-endpoint forwards, beside the same calls made directly; --calls N',
    load: () => import('./gateway/gateway.ts'),
  },
  memory: {
    about:
      "the smallest memory size at which a mint is not slower, by Lambda's share of processor time; --mints N",
    load: () => import('./beat/memory.ts'),
  },
  scale: {
    about: 'stacks of more and more tokens: synth, resources, load on Parameter Store, costs; --mints N',
    load: () => import('./scale/scale.ts'),
  },
};

const [name = '', ...args] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(name === '' ? 'Which bench?' : `There is no bench "${name}".`);
  for (const [known, { about }] of Object.entries(BENCHES))
    console.error(`  npm run bench -- ${known}  (${about})`);
  process.exitCode = 2;
} else {
  process.exitCode = await (await bench.load()).run(args);
}
