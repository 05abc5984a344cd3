import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeEditedCopy } from '../../tools/prove/edited-copy.ts';

const copy = makeEditedCopy();

afterAll(() => copy.remove());

test('a provider that is added by the steps of CONTRIBUTING.md type-checks, and passes the suites that they name', () => {
  const page = readFileSync('CONTRIBUTING.md', 'utf8');
  const [file = '', importLine = '', row = '', rules = '', request = ''] = [
    ...page.matchAll(/^ {3}```ts\n([\s\S]*?)^ {3}```$/gm),
  ].map(([, code = '']) => code.replace(/^ {3}/gm, ''));
  writeFileSync(join(copy.directory, 'lambda/providers/example-cloud.ts'), file);
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

  runNode('node_modules/typescript/bin/tsc', '--noEmit');
  runNode('tools/packaging/update.ts', 'stack.md');
  runNode('node_modules/jest/bin/jest.js', 'configuration-errors', 'requests-on-the-wire');

  expect(readFileSync(join(copy.directory, 'docs/stack.md'), 'utf8')).toContain(
    '| `example-cloud` | `tenantUrl` | https URL of the tenant; required |',
  );
}, 300_000);

function runNode(...args: string[]): void {
  execFileSync(process.execPath, args, { cwd: copy.directory, stdio: 'pipe' });
}

function addRow(path: string, start: string, row: string, top = ''): void {
  const text = readFileSync(join(copy.directory, path), 'utf8');
  expect(text).toContain(start);
  writeFileSync(join(copy.directory, path), top + text.replace(start, () => `${start}${row}`));
}
