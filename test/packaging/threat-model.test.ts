import { existsSync, readFileSync } from 'node:fs';
import { editedText } from '../../tools/prove/edited-copy.ts';
import { MUTANTS, THREATS, threatTable } from '../../tools/prove/threats.ts';

test('docs/threat-model.md lists the threats of tools/prove/threats.json; `npm run update` writes it', () => {
  const page = readFileSync('docs/threat-model.md', 'utf8');

  expect(THREATS.length).toBeGreaterThanOrEqual(20);
  expect(page).toContain(threatTable());
});

test('each guard and each mutant stands where it is edited, and its suites exist', () => {
  const rows = [...MUTANTS, ...THREATS.map(({ edit, test }) => ({ edit, suites: [test] }))];

  const missing = new Set(rows.flatMap(({ suites }) => suites).filter((suite) => !existsSync(suite)));

  for (const { edit } of rows) expect(() => editedText(edit)).not.toThrow();
  expect([...missing]).toEqual([]);
});
