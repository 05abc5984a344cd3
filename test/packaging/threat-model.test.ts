import { existsSync, readFileSync } from 'node:fs';
import { readEditable } from '../../tools/prove/edited-copy.ts';
import { THREATS, threatTable } from '../../tools/prove/threats.ts';

test('docs/threat-model.md lists the threats of tools/prove/threats.json; `npm run update` writes it', () => {
  const page = readFileSync('docs/threat-model.md', 'utf8');

  expect(THREATS.length).toBeGreaterThanOrEqual(20);
  expect(page).toContain(threatTable());
});

test.each(THREATS)('the guard stands where it is taken out: $guard', ({ edit, test: suite }) => {
  expect(() => readEditable(edit)).not.toThrow();
  expect(existsSync(suite)).toBe(true);
});

const mutated: { file: string; suites: string[]; edits: [string, string][] }[] = JSON.parse(
  readFileSync('tools/prove/mutants.json', 'utf8'),
);

test.each(mutated)('the mutants of $file can be made, and their suites exist', ({ file, suites, edits }) => {
  const problems = edits.flatMap(([from, to]) => {
    try {
      readEditable({ file, from, to });
      return [];
    } catch (error) {
      return [String(error)];
    }
  });

  expect(problems).toEqual([]);
  expect(suites.filter((suite) => !existsSync(suite))).toEqual([]);
});
