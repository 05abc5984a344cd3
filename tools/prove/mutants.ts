import { MUTANTS } from './threats.ts';
import { tryEdits } from './try-edits.ts';

/*
 * Makes each small fault of mutants.json in a copy of the tree, and checks that its suites fail there. A part of a path
 * after the command selects files. Ends with 1 if less than 95 percent are killed.
 */
const rows = MUTANTS.filter(({ edit }) => edit.file.includes(process.argv[2] ?? ''));
const survivors = await tryEdits(rows);
for (const name of survivors) console.log(`survived: ${name}`);
const killed = rows.length - survivors.length;
const percent = Math.floor((killed * 100) / rows.length);
console.log(`${killed} of ${rows.length} mutants killed (${percent} %)`);
process.exitCode = percent >= 95 ? 0 : 1;
