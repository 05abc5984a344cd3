import { THREATS } from './threats.ts';
import { tryEdits } from './try-edits.ts';

/*
 * Removes each guard of threats.json from a copy of the tree, and checks that its test fails there. Numbers after the command
 * select guards. Ends with 1 if one is not noticed.
 */
const wanted = process.argv.slice(2).map(Number);
const rows = THREATS.map(({ guard, edit, test }, index) => ({
  name: `${index + 1}. without "${guard}"`,
  edit,
  suites: [test],
})).filter((_, index) => wanted.length === 0 || wanted.includes(index + 1));
const unnoticed = await tryEdits(rows);
console.log(`${rows.length - unnoticed.length} of ${rows.length} removed guards noticed`);
process.exitCode = unnoticed.length === 0 ? 0 : 1;
