import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { loadedAwsCli } from '../local/aws-cli/loaded-aws-cli.ts';
import { MINISTACK_GAPS, startMiniStack } from './ministack.ts';
import { installPythonTools } from './python-tools.ts';
import type { ServerProcess } from './server-process.ts';
import type { Steps } from './steps.ts';
import { startTlsProxy } from './tls-proxy.ts';

/** Repository, and where this run may put files. */
export const ROOT = resolve(import.meta.dirname, '..');
export const WORK_DIRECTORY = join(ROOT, '.e2e');

const REGION = 'eu-central-1';

/** Where the stack is deployed to. */
export interface Target {
  /** Whether the target is an emulator, whose gaps are worked around. */
  readonly isEmulator: boolean;
  /** Whether it ends with the run. */
  readonly endsWithRun: boolean;
  /** The environment of every command: PATH with the AWS CLI and Node.js 24, endpoint and credentials. */
  readonly env: NodeJS.ProcessEnv;
  readonly region: string;
  close(): Promise<void>;
}

/**
 * Opens the target that the environment names: MiniStack, which is installed and started; another emulator, at
 * `E2E_ENDPOINT_URL`; or the real account of the caller's credentials, with `E2E_REAL_ACCOUNT=1`.
 *
 * @throws Error if both are set, or a real account has no region
 */
export async function openTarget(steps: Steps, signal: AbortSignal): Promise<Target> {
  const { E2E_ENDPOINT_URL: endpointUrl, E2E_REAL_ACCOUNT: realAccount } = process.env;
  if (endpointUrl !== undefined && realAccount !== undefined) {
    throw new Error('Set E2E_ENDPOINT_URL or E2E_REAL_ACCOUNT, not both.');
  }
  mkdirSync(WORK_DIRECTORY, { recursive: true });
  const bin = await installPythonTools({
    directory: join(ROOT, '.venv/ministack'),
    packages: ['-r', join(import.meta.dirname, 'requirements-ministack.txt')],
    env: process.env,
    signal,
  });
  const tools = {
    PATH: [dirname(process.execPath), join(ROOT, 'node_modules/.bin'), bin, process.env.PATH].join(':'),
    AWS_PAGER: '',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CDK_DISABLE_VERSION_CHECK: 'true',
  };
  if (realAccount !== undefined) return realAccountTarget(tools);
  if (endpointUrl !== undefined) {
    steps.note(`endpoint ${endpointUrl}`);
    const target = emulatorTarget(tools, { endpointUrl, ...givenSettings() });
    return { ...target, endsWithRun: false, close: async () => {} };
  }
  const ministack = await startMiniStack({ bin, directory: WORK_DIRECTORY, region: REGION });
  steps.note(`MiniStack at ${ministack.url}, log in ${ministack.logFile}`);
  for (const gap of MINISTACK_GAPS) steps.gap(gap);
  if (process.env.E2E_OVER_TLS === '1') return await overTls(tools, ministack, steps);
  const loaded = { ...tools, PATH: `${loadedAwsCliDirectory(bin)}:${tools.PATH}` };
  return {
    ...emulatorTarget(loaded, { endpointUrl: ministack.url }),
    endsWithRun: true,
    close: ministack.stop,
  };
}

/** A directory with the command `aws`, which is kept loaded: that saves most of a second for each call. */
function loadedAwsCliDirectory(bin: string): string {
  const directory = join(WORK_DIRECTORY, 'bin');
  mkdirSync(directory, { recursive: true });
  const words = loadedAwsCli(join(bin, 'aws'), ['cloudformation']);
  writeFileSync(join(directory, 'aws'), `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 });
  return directory;
}

/** How to reach an emulator. */
interface EmulatorSettings {
  readonly endpointUrl: string;
  /** File with the certificate of the authority that the endpoint's own certificate comes from, PEM. */
  readonly caFile?: string | undefined;
  /** @default made-up ones */
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
}

/** What the caller says of the emulator at `E2E_ENDPOINT_URL`. */
function givenSettings(): Omit<EmulatorSettings, 'endpointUrl'> {
  return {
    caFile: process.env.E2E_CA_FILE,
    accessKeyId: process.env.E2E_ACCESS_KEY_ID,
    secretAccessKey: process.env.E2E_SECRET_ACCESS_KEY,
    sessionToken: process.env.E2E_SESSION_TOKEN,
  };
}

/**
 * Reaches MiniStack as another emulator is reached: over TLS, with an authority of its own, and with given credentials. Not in
 * another account: MiniStack forgets it where a role is assumed, as the CDK does.
 */
async function overTls(tools: NodeJS.ProcessEnv, ministack: ServerProcess, steps: Steps): Promise<Target> {
  const proxy = await startTlsProxy(ministack.url);
  steps.note(`${proxy.url} in front of it, certificate authority in ${proxy.caFile}`);
  const credentials = { accessKeyId: 'given', secretAccessKey: 'given' };
  return {
    ...emulatorTarget(tools, { endpointUrl: proxy.url, caFile: proxy.caFile, ...credentials }),
    endsWithRun: true,
    async close() {
      await proxy.close();
      await ministack.stop();
    },
  };
}

/** None of the caller's AWS settings, and made-up credentials unless some are given, so that no call can reach a real account. */
function emulatorTarget(tools: NodeJS.ProcessEnv, settings: EmulatorSettings) {
  const { endpointUrl, caFile, accessKeyId = 'test', secretAccessKey = 'test', sessionToken } = settings;
  return {
    isEmulator: true,
    region: REGION,
    env: {
      ...withoutAwsSettings(),
      ...tools,
      AWS_ENDPOINT_URL: endpointUrl,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
      // The first is the AWS CLI's and the CDK's, the second Node.js's.
      ...(caFile === undefined ? {} : { AWS_CA_BUNDLE: caFile, NODE_EXTRA_CA_CERTS: caFile }),
    },
  };
}

function withoutAwsSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_')));
}

function realAccountTarget(tools: NodeJS.ProcessEnv): Target {
  const region = process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  if (region === undefined) throw new Error('Set AWS_REGION to the region to deploy to.');
  return {
    isEmulator: false,
    endsWithRun: false,
    region,
    env: { ...process.env, ...tools, AWS_REGION: region, AWS_DEFAULT_REGION: region },
    close: async () => {},
  };
}
