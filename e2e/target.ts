import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { loadedAwsCli } from '../local/aws-cli/loaded-aws-cli.ts';
import { MINISTACK_GAPS, startMiniStack } from './ministack.ts';
import { installPythonTools } from './python-tools.ts';
import type { Steps } from './steps.ts';

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
  /** The AWS CLI as words: on MiniStack it is kept loaded, which saves most of a second for each call. */
  readonly awsCli: readonly string[];
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
    return { ...emulatorTarget(tools, endpointUrl), endsWithRun: false, close: async () => {} };
  }
  const ministack = await startMiniStack({ bin, directory: WORK_DIRECTORY, region: REGION });
  steps.note(`MiniStack at ${ministack.url}, log in ${ministack.logFile}`);
  for (const gap of MINISTACK_GAPS) steps.gap(gap);
  return {
    ...emulatorTarget(tools, ministack.url),
    awsCli: loadedAwsCli(join(bin, 'aws')),
    endsWithRun: true,
    close: ministack.stop,
  };
}

/** Made-up credentials, and none of the caller's AWS settings, so that no call can reach a real account. */
function emulatorTarget(tools: NodeJS.ProcessEnv, endpointUrl: string) {
  return {
    isEmulator: true,
    awsCli: ['aws'],
    region: REGION,
    env: {
      ...withoutAwsSettings(),
      ...tools,
      AWS_ENDPOINT_URL: endpointUrl,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
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
    awsCli: ['aws'],
    endsWithRun: false,
    region,
    env: { ...process.env, ...tools, AWS_REGION: region, AWS_DEFAULT_REGION: region },
    close: async () => {},
  };
}
