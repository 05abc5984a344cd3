import { readFileSync } from 'node:fs';
import { tryEdits } from './try-edits.ts';

/*
 * Makes each small fault of mutants.json in a copy of the tree, and checks that its suites fail there. A part of a path
 * after the command selects files. Ends with 1 if less than 95 percent are killed.
 */

/** The mutants of one file, and the suites that must kill them. Each edit is a text of the file and its replacement. */
interface Mutated {
  readonly file: string;
  readonly suites: readonly string[];
  readonly edits: readonly (readonly [from: string, to: string])[];
}

const mutated: Mutated[] = JSON.parse(readFileSync('tools/prove/mutants.json', 'utf8'));
const only = process.argv[2] ?? '';
const rows = mutated
  .filter(({ file }) => file.includes(only))
  .flatMap(({ file, suites, edits }) =>
    edits.map(([from, to]) => ({
      name: `${file}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`,
      edit: { file, from, to },
      suites,
    })),
  );
const verdicts = await tryEdits('mutants', rows);
const survivors = verdicts.filter(({ noticed }) => !noticed);
for (const { name } of survivors) console.log(`survived: ${name}`);
const killed = rows.length - survivors.length;
const percent = Math.floor((killed * 100) / rows.length);
console.log(`${killed} of ${rows.length} mutants killed (${percent} %)`);
process.exitCode = percent >= 95 ? 0 : 1;
