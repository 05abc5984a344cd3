import { readFileSync } from 'node:fs';
import { PROVIDERS } from '../../../lambda/contract.ts';

test('docs/stack.md lists each provider with each of its settings, and nothing else', () => {
  const page = readFileSync(new URL('../../../docs/stack.md', import.meta.url), 'utf8');
  const rows = Object.entries(PROVIDERS).flatMap(([name, { settings }]) =>
    Object.entries(settings).map(([setting, value]) => `| \`${name}\` | \`${setting}\` | ${value} |`),
  );

  const [, table = ''] =
    /\| provider \| setting \| value \|\n\|---\|---\|---\|\n((?:\|.*\n)+)/.exec(page) ?? [];

  expect(table.trimEnd().split('\n')).toEqual(rows);
  for (const name of Object.keys(PROVIDERS))
    expect(page).toMatch(new RegExp(`^\\| \`provider\` .*\`${name}\``, 'm'));
});
