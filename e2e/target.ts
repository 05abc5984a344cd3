import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadedAwsCli } from '../local/aws-cli/loaded-aws-cli.ts';
import { MINISTACK_GAPS, startMiniStack } from './ministack.ts';
import { installPythonTools, ROOT, WORK_DIRECTORY } from './python-tools.ts';
import type { Steps } from './steps.ts';

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
  const bin = await installPythonTools('ministack', signal);
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
  const ministack = await startMiniStack(bin, REGION);
  steps.note(`MiniStack at ${ministack.url}, log in ${ministack.logFile}`);
  for (const gap of MINISTACK_GAPS) steps.gap(gap);
  const loaded = { ...tools, PATH: `${loadedAwsCliDirectory(bin)}:${tools.PATH}` };
  return { ...emulatorTarget(loaded, ministack.url), endsWithRun: true, close: ministack.stop };
}

/** A directory with the command `aws`, which is kept loaded: that saves most of a second for each call. */
function loadedAwsCliDirectory(bin: string): string {
  const directory = join(WORK_DIRECTORY, 'bin');
  mkdirSync(directory, { recursive: true });
  const words = loadedAwsCli(join(bin, 'aws'), ['cloudformation']);
  writeFileSync(join(directory, 'aws'), `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 });
  return directory;
}

/**
 * None of the caller's AWS settings, and made-up credentials unless `E2E_…` variables give some, so that no call can reach a
 * real account.
 */
function emulatorTarget(tools: NodeJS.ProcessEnv, endpointUrl: string) {
  const { E2E_CA_FILE: caFile, E2E_SESSION_TOKEN: sessionToken } = process.env;
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  return {
    isEmulator: true,
    region: REGION,
    env: {
      ...Object.fromEntries(own),
      ...tools,
      AWS_ENDPOINT_URL: endpointUrl,
      AWS_ACCESS_KEY_ID: process.env.E2E_ACCESS_KEY_ID ?? 'test',
      AWS_SECRET_ACCESS_KEY: process.env.E2E_SECRET_ACCESS_KEY ?? 'test',
      ...(sessionToken !== undefined && { AWS_SESSION_TOKEN: sessionToken }),
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
      // The first is the AWS CLI's and the CDK's, the second Node.js's.
      ...(caFile !== undefined && { AWS_CA_BUNDLE: caFile, NODE_EXTRA_CA_CERTS: caFile }),
    },
  };
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
