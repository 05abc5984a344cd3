import { existsSync, readFileSync } from 'node:fs';
import { THREATS, threatTable } from '../../prove/threats.ts';

test('docs/threat-model.md lists the threats of prove/threats.ts', () => {
  const page = readFileSync('docs/threat-model.md', 'utf8');

  expect(THREATS.length).toBeGreaterThanOrEqual(20);
  expect(page).toContain(threatTable());
});

test.each(THREATS)('the guard stands where it is taken out: $guard', ({ edit, test: suite }) => {
  const source = readFileSync(edit.file, 'utf8');

  expect(source.split(edit.from)).toHaveLength(2);
  expect(existsSync(suite)).toBe(true);
});
