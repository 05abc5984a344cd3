import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CONFIGURED = { name: 'example', provider: 'example-cloud', tenantUrl: 'https://example.test' };

/** Reads the configuration as synth does, and describes the provider as the function does. */
const DESCRIBE = `
import { parseTokens } from './infra/configuration/tokens-configuration.ts';
import { describeProvider } from './lambda/contract.ts';

const [token] = parseTokens([${JSON.stringify(CONFIGURED)}], { account: undefined, region: undefined });
const { source, secretKeys } = describeProvider(token.provider);
console.log(JSON.stringify({ endpoint: source.endpoint, secretKeys, lifetime: token.expectedLifetime }));
`;

const copy = mkdtempSync(join(tmpdir(), 'token-refresher-provider-'));

beforeAll(() => {
  for (const name of ['lambda', 'infra', 'package.json', 'tsconfig.json']) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  mkdirSync(join(copy, 'local'));
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
});

afterAll(() => rmSync(copy, { recursive: true }));

test('a provider that is added by the steps of CONTRIBUTING.md type-checks and can be configured', () => {
  const page = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  const [file = '', importLine = '', row = '', rules = ''] = [
    ...page.matchAll(/^ {3}```ts\n([\s\S]*?)^ {3}```$/gm),
  ].map(([, code = '']) => code.replace(/^ {3}/gm, ''));
  writeFileSync(join(copy, 'lambda/providers/example-cloud.ts'), file);
  addRow('lambda/providers/providers.ts', 'export const PROVIDERS = {\n', row, importLine);
  addRow(
    'infra/rules/provider-settings.ts',
    '[N in ProviderName]: ProviderRules<SettingsOf<N>> } = {\n',
    rules,
  );
  writeFileSync(join(copy, 'describe.ts'), DESCRIBE);

  runNode(join(ROOT, 'node_modules/typescript/bin/tsc'), '--noEmit');
  const described = JSON.parse(runNode('describe.ts'));

  expect(described).toMatchObject({ secretKeys: ['api_id', 'api_key'], lifetime: 30 });
  expect(JSON.stringify(described.endpoint)).toContain(CONFIGURED.tenantUrl);
}, 120_000);

function runNode(...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: copy, encoding: 'utf8' });
}

function addRow(path: string, start: string, row: string, top = ''): void {
  const text = readFileSync(join(copy, path), 'utf8');
  expect(text).toContain(start);
  writeFileSync(join(copy, path), top + text.replace(start, `${start}${row}`));
}
