import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../infra/bundle/bundle.ts';
import { eagerBytes, IDLE_BEAT_LIMIT_BYTES } from '../../local/bundle-size.ts';
import { openProcessHarness, type ProcessHarness } from '../../local/process-harness.ts';
import { RESOURCES_PER_TOKEN_LIMIT } from '../../local/resource-budget.ts';
import { synthesize } from '../../local/synthesized-function.ts';

/** Counts what costs time, and measures no time. If a figure must rise, change it here, with the reason. */
const BUDGET = {
  bundleBytes: 1_250_000,
  resourcesPerStack: 3,
};

const script = fileURLToPath(new URL('./one-invocation.mjs', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'token-refresher-budget-'));
const metafile = bundle(directory);
const harnesses: ProcessHarness[] = [];

afterEach(async () => {
  await Promise.all(harnesses.splice(0).map((harness) => harness.close()));
});
afterAll(() => rmSync(directory, { recursive: true }));

test('an idle beat loads few bytes, and the whole bundle stays small', () => {
  const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);

  expect(eagerBytes(metafile)).toBeLessThanOrEqual(IDLE_BEAT_LIMIT_BYTES);
  expect(bytes).toBeLessThanOrEqual(BUDGET.bundleBytes);
});

test('an idle beat makes one AWS call', async () => {
  const harness = await open({});
  const called = callsOf(harness);

  const { outcome } = await invoke(harness, {});

  expect(outcome).toBe('still-fresh');
  expect(called()).toEqual({ aws: ['GetParameters'], tokenRequests: 0, probes: 0 });
});

test('a mint makes four AWS calls, one token request and one probe', async () => {
  const harness = await open({ isDue: true, hasProbe: true });
  const called = callsOf(harness);

  const { outcome } = await invoke(harness, {});

  expect(outcome).toBe('refreshed');
  expect(called()).toEqual({
    aws: ['GetParameters', 'GetSecretValue', 'PutParameter', 'PutParameter'],
    tokenRequests: 1,
    probes: 1,
  });
});

test('a token adds few resources to the stack', () => {
  const count = (names: readonly string[]) => {
    const tokens = names.map((name) => ({ name, provider: 'genesys-cloud', region: 'eu-central-1' }));
    return Object.keys(synthesize({ tokens }).template.Resources).length;
  };
  const [one, two] = [count(['one']), count(['one', 'two'])];

  expect(two - one).toBeLessThanOrEqual(RESOURCES_PER_TOKEN_LIMIT);
  expect(2 * one - two).toBeLessThanOrEqual(BUDGET.resourcesPerStack);
});

test('the bundle, without the SDK’s other sources of credentials, says that there are none', async () => {
  const harness = await open({});

  const { error } = await invoke(harness, {}, { AWS_ACCESS_KEY_ID: '' });

  expect(error?.name).toBe('PARAMETER_UNAVAILABLE');
  expect(error?.message).toContain('ssm:GetParameters');
  expect(error?.message).toContain('CredentialsProviderError');
});

async function open(options: Parameters<typeof openProcessHarness>[0]): Promise<ProcessHarness> {
  const harness = await openProcessHarness(options);
  harnesses.push(harness);
  return harness;
}

function callsOf({ aws, server }: ProcessHarness) {
  const before = aws.requests.length;
  return () => ({
    aws: aws.requests.slice(before).map(({ operation }) => operation),
    tokenRequests: server.requests.length,
    probes: server.probes.length,
  });
}

interface Invoked {
  readonly outcome?: string;
  readonly error?: { readonly name: string; readonly message: string };
}

/** Invokes the bundle in a process of its own, with exactly this environment. */
function invoke(
  harness: ProcessHarness,
  event: object,
  environment: Record<string, string> = {},
): Promise<Invoked> {
  const args = [script, join(directory, 'handler.mjs'), JSON.stringify(event)];
  const env = { ...harness.environment, ...environment };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { env }, (error, _stdout, stderr) =>
      error === null ? resolve(JSON.parse(stderr)) : reject(error),
    );
  });
}
