import { makeEditedCopy } from './edited-copy.ts';
import { THREATS } from './threats.ts';

/*
 * Takes each guard of docs/threat-model.md out of a copy of the tree, and shows that its test fails there. Numbers after
 * the command select threats.
 */
const wanted = process.argv.slice(2).map(Number);
const copy = makeEditedCopy();
let unnoticed = 0;
try {
  for (const [index, { guard, edit, test }] of THREATS.entries()) {
    if (wanted.length > 0 && !wanted.includes(index + 1)) continue;
    const jest = `"${process.execPath}" --experimental-vm-modules node_modules/jest/bin/jest.js --maxWorkers=1 ${test}`;
    // The tests of token-endpoint run the built file, as jobs do.
    const build = edit.file.startsWith('ci/token-endpoint/')
      ? `"${process.execPath}" ci/build-token-endpoint.ts && `
      : '';
    const { failed, output } = copy.run(edit, ['sh', '-c', build + jest]);
    // A suite that could not run proves nothing.
    const isNoticed = failed && /^\s+✕ |●.* › |^Tests:\s+\d+ failed/m.test(output);
    if (!isNoticed) unnoticed += 1;
    console.log(`${isNoticed ? 'noticed' : 'NOT NOTICED'}: ${index + 1}. without "${guard}", by ${test}`);
  }
} finally {
  copy.remove();
}
process.exitCode = unnoticed === 0 ? 0 : 1;
