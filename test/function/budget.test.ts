import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../infra/bundle/bundle.ts';
import { eagerBytes, IDLE_BEAT_LIMIT_BYTES } from '../../local/budget.ts';
import { type Harness, MINUTE_MS } from '../../local/harness.ts';
import { synthesize } from '../../local/synthesized-function.ts';
import { useHarnesses } from './harnesses.ts';

/** Counts what costs time, and measures no time. If a figure must rise, change it here, with the reason. */
const BUNDLE_BYTES = 1_250_000;
/** CloudFormation allows 500 resources, and a stack takes 16 tokens. */
const RESOURCES_PER_TOKEN = 16;
const RESOURCES_PER_STACK = 3;

const open = useHarnesses();

/** The calls of one beat. */
async function callsOf(harness: Harness) {
  const { aws, authorizationServer: server } = harness;
  const [requests, tokenRequests, probes] = [
    aws.requests.length,
    server.requests.length,
    server.probes.length,
  ];
  await harness.invoke({});
  return {
    aws: aws.requests
      .slice(requests)
      .map(({ operation }) => operation)
      .filter((operation) => operation !== 'Invoke'),
    tokenRequests: server.requests.length - tokenRequests,
    probes: server.probes.length - probes,
  };
}

test('an idle beat loads few bytes, and the whole bundle stays small', () => {
  const directory = mkdtempSync(join(tmpdir(), 'token-refresher-budget-'));
  const metafile = bundle(directory);
  rmSync(directory, { recursive: true });
  const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);

  expect(eagerBytes(metafile)).toBeLessThanOrEqual(IDLE_BEAT_LIMIT_BYTES);
  expect(bytes).toBeLessThanOrEqual(BUNDLE_BYTES);
});

test('a mint makes four AWS calls, one token request and one probe; an idle beat makes one AWS call', async () => {
  const harness = await open();

  const mint = await callsOf(harness);
  harness.advance(MINUTE_MS);
  const idle = await callsOf(harness);

  expect(mint).toEqual({
    aws: ['GetParameters', 'GetSecretValue', 'PutParameter', 'PutParameter'],
    tokenRequests: 1,
    probes: 1,
  });
  expect(idle).toEqual({ aws: ['GetParameters'], tokenRequests: 0, probes: 0 });
});

test('a token adds few resources to the stack', () => {
  const count = (names: readonly string[]) => {
    const tokens = names.map((name) => ({ name, provider: 'genesys-cloud', region: 'eu-central-1' }));
    return Object.keys(synthesize({ tokens }).template.Resources).length;
  };
  const [one, two] = [count(['one']), count(['one', 'two'])];

  expect(two - one).toBeLessThanOrEqual(RESOURCES_PER_TOKEN);
  expect(2 * one - two).toBeLessThanOrEqual(RESOURCES_PER_STACK);
});

test('the bundle, without the SDK’s other sources of credentials, says that there are none', async () => {
  const { fn, process: refresher } = await open();
  const args = [join(import.meta.dirname, 'one-invocation.mjs'), join(fn.codeDirectory, 'handler.mjs'), '{}'];
  const env = { ...refresher.environment, AWS_ACCESS_KEY_ID: '' };

  const written = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { env }, (_error, _stdout, stderr) => resolve(stderr));
  });

  const { error } = JSON.parse(written);
  expect(error.name).toBe('PARAMETER_UNAVAILABLE');
  expect(error.message).toContain('ssm:GetParameters');
  expect(error.message).toContain('CredentialsProviderError');
});
