import { run as availability } from './availability.ts';
import { run as scale } from './scale.ts';
import { run as speed } from './speed.ts';

/** `npm run bench -- NAME [options]`: runs one of the benches. Each returns its exit code: 0 only if all its claims hold. */
const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  availability,
  scale,
  speed,
};

const [name = '', ...args] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench !== undefined) process.exitCode = await bench(args);
else {
  console.error(`Name a bench: ${Object.keys(BENCHES).join(', ')}`);
  process.exitCode = 2;
}
