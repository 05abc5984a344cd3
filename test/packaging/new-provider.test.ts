import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyTree } from '../../tools/prove/edited-copy.ts';

const directory = copyTree();

test('a provider that is added by the steps of CONTRIBUTING.md type-checks, has its row in the docs, and sends its request', () => {
  const page = readFileSync('CONTRIBUTING.md', 'utf8');
  const [file = '', importLine = '', row = '', rules = '', request = ''] = [
    ...page.matchAll(/^ {3}```ts\n([\s\S]*?)^ {3}```$/gm),
  ].map(([, code = '']) => code.replace(/^ {3}/gm, ''));
  writeFileSync(join(directory, 'lambda/providers/example-cloud.ts'), file);
  addRow('lambda/providers/providers.ts', 'export const PROVIDERS = {\n', row, importLine);
  addRow(
    'infra/rules/provider-settings.ts',
    '[N in ProviderName]: ProviderRules<SettingsOf<N>> } = {\n',
    rules,
  );
  addRow(
    'test/lambda/mint/requests-on-the-wire.test.ts',
    'test.each<[string, ProviderSettings, object, Sent]>([\n',
    request,
  );

  // The files that the steps edit and those that they import: all of the tree would take a minute.
  const files = ['lambda/contract.ts', 'infra/rules/provider-settings.ts'];
  const configuration = JSON.stringify({ extends: './tsconfig.json', include: [], files });
  writeFileSync(join(directory, 'tsconfig.provider.json'), configuration);
  runNode('node_modules/typescript/bin/tsc', '--project', 'tsconfig.provider.json');
  runNode('tools/packaging/update.ts', 'stack.md');
  const result = runNode('node_modules/jest/bin/jest.js', 'requests-on-the-wire', '-t', 'Example Cloud');

  expect(result).toContain('\n1 passed, 0 failed\n');
  expect(readFileSync(join(directory, 'docs/stack.md'), 'utf8')).toContain(
    '| `example-cloud` | `tenantUrl` | https URL of the tenant; required |',
  );
}, 300_000);

function runNode(...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: directory, stdio: 'pipe', encoding: 'utf8' });
}

function addRow(path: string, start: string, row: string, top = ''): void {
  const text = readFileSync(join(directory, path), 'utf8');
  expect(text).toContain(start);
  writeFileSync(join(directory, path), top + text.replace(start, () => `${start}${row}`));
}
