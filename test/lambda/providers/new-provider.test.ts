import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startAuthorizationServer } from '../../../local/authorization-server/authorization-server.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

/** Reads the configuration as synth does, and mints as the function does. */
const MINT = `
import { parseTokens } from './infra/configuration/tokens-configuration.ts';
import { parseConfig } from './lambda/config.ts';
import { describeProvider } from './lambda/contract.ts';
import { createMinter } from './lambda/mint/create-minter.ts';

const [tenantUrl, secret] = process.argv.slice(2);
const target = { account: undefined, region: undefined };
const [token] = parseTokens([{ name: 'example', provider: 'example-cloud', tenantUrl }], target);
const config = parseConfig({
  TOKEN_NAME: 'example',
  PROVIDER_SETTINGS: JSON.stringify(token.provider),
  SECRET_ARN: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:example-AbCdEf',
  TOKEN_PARAMETER: '/ci/example/access-token',
  STATUS_PARAMETER: '/ci/example/token-status',
  REFRESH_INTERVAL_SECONDS: '3000',
  ASSUMED_LIFETIME_SECONDS: '900',
});
const readSecret = async () => ({ text: secret, createdAt: undefined });
const minter = createMinter({ config, now: () => new Date(), readSecret });
const { accessToken } = await minter.mint({ signal: AbortSignal.timeout(20_000) });
console.log(JSON.stringify({
  accessToken,
  lifetimeMinutes: token.expectedLifetime,
  secretKeys: describeProvider(config.providerSettings).secretKeys,
}));
`;

let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'token-refresher-provider-'));
  for (const name of ['lambda', 'infra', 'package.json', 'tsconfig.json']) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  mkdirSync(join(copy, 'local'));
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
});

afterAll(() => rmSync(copy, { recursive: true }));

test('a provider that is added by the steps of CONTRIBUTING.md type-checks and mints', async () => {
  const clientSecret = 'canary-api-key';
  const server = await startAuthorizationServer({
    clients: [{ clientId: 'ci', clientSecret, authMethod: 'client_secret_post' }],
  });
  try {
    addByTheSteps();
    await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '--noEmit'], { cwd: copy });
    writeFileSync(join(copy, 'mint.ts'), MINT);
    const secret = JSON.stringify({ api_id: 'ci', api_key: clientSecret });

    const { stdout } = await run(
      process.execPath,
      ['mint.ts', server.tokenUrl.replace(/\/token$/, ''), secret],
      {
        cwd: copy,
      },
    );

    const minted = JSON.parse(stdout);
    expect((await server.introspect(minted.accessToken)).active).toBe(true);
    expect(minted).toMatchObject({ lifetimeMinutes: 30, secretKeys: ['api_id', 'api_key'] });
  } finally {
    await server.close();
  }
}, 120_000);

/** The code that CONTRIBUTING.md shows: a file, and rows of two tables. */
function addByTheSteps(): void {
  const page = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  const [file = '', importLine = '', row = '', rules = ''] = [
    ...page.matchAll(/^ {3}```ts\n([\s\S]*?)^ {3}```$/gm),
  ].map(([, code = '']) => code.replace(/^ {3}/gm, ''));
  writeFileSync(join(copy, 'lambda/providers/example-cloud.ts'), file);
  edit(
    'lambda/providers/providers.ts',
    (text) => importLine + addRow(text, 'export const PROVIDERS = {\n', row),
  );
  edit('infra/rules/provider-settings.ts', (text) =>
    addRow(text, '[N in ProviderName]: ProviderRules<SettingsOf<N>> } = {\n', rules),
  );
}

function edit(path: string, change: (text: string) => string): void {
  writeFileSync(join(copy, path), change(readFileSync(join(copy, path), 'utf8')));
}

function addRow(text: string, start: string, row: string): string {
  expect(text).toContain(start);
  return text.replace(start, `${start}${row}`);
}
