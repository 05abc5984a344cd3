/**
 * `npm run bench -- NAME [options]`: runs one of the benches. Each is loaded only when it runs, and returns its exit code:
 * 0 only if all its claims hold.
 */
const BENCHES: Readonly<Record<string, string>> = {
  availability: 'a simulated year: builds lost, the guarantees M and H, the alarm; --quick, --seed N',
  scale: 'costs a month of one token and of 1,000, and of shorter intervals',
  speed: 'ratios in one run: idle beat, mint, memory, forwarded calls',
};

const [name = '', ...args] = process.argv.slice(2);
if (Object.hasOwn(BENCHES, name)) {
  const bench: { run(args: readonly string[]): Promise<number> } = await import(`./${name}/${name}.ts`);
  process.exitCode = await bench.run(args);
} else {
  console.error(name === '' ? 'Name a bench:' : `There is no bench "${name}". The benches are:`);
  for (const [known, about] of Object.entries(BENCHES))
    console.error(`  npm run bench -- ${known}  (${about})`);
  process.exitCode = 2;
}
