/**
 * `npm run bench -- NAME [options]`: runs one of the benches. Each is loaded only when it runs, and returns its exit code:
 * 0 only if all its claims hold.
 */
type Bench = { readonly run: (args: readonly string[]) => Promise<number> };

const BENCHES: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Bench> }>> = {
  availability: {
    about:
      'a simulated year: builds lost, the guarantees M and H, the alarm; --quick, --seed N, --no-pictures',
    load: () => import('./availability/availability.ts'),
  },
  beat: {
    about: 'a warm process: time, CPU and calls of an idle beat and of a mint; --mints N',
    load: () => import('./beat/beat.ts'),
  },
  'cold-start': {
    about: 'whole processes: an idle beat and a mint, compared with a simple function; --rounds N',
    load: () => import('./cold-start/cold-start.ts'),
  },
  memory: {
    about:
      "the smallest memory size at which a mint is not slower, by Lambda's share of processor time; --mints N",
    load: () => import('./beat/memory.ts'),
  },
  scale: {
    about: 'stacks of 1 to 1,000 tokens: synth, resources, load on Parameter Store, costs; --mints N',
    load: () => import('./scale/scale.ts'),
  },
};

const [name = '', ...args] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(name === '' ? 'Name a bench:' : `There is no bench "${name}". The benches are:`);
  for (const [known, { about }] of Object.entries(BENCHES))
    console.error(`  npm run bench -- ${known}  (${about})`);
  process.exitCode = 2;
} else {
  process.exitCode = await (await bench.load()).run(args);
}
