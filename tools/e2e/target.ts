import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadedAwsCli } from '../../local/aws-cli/loaded-aws-cli.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import {
  installPythonTools,
  ROOT,
  type ServerProcess,
  startServerProcess,
  WORK_DIRECTORY,
} from './server-process.ts';

const REGION = 'eu-central-1';

/** Where the stack is deployed to. */
export interface Target {
  /** MiniStack, which ends with the run, and whose gaps are worked around. Otherwise a real account. */
  readonly isEmulator: boolean;
  /** The environment of every command: PATH with the AWS CLI and Node.js 24, endpoint and credentials. */
  readonly env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

/**
 * Opens the target that the environment names: MiniStack, which is installed and started; or the real account of the caller's
 * credentials, with `E2E_REAL_ACCOUNT=1`.
 *
 * @throws Error if a real account has no region
 */
export async function openTarget(): Promise<Target> {
  const bin = installPythonTools('ministack');
  const tools = {
    PATH: [dirname(process.execPath), join(ROOT, 'node_modules/.bin'), bin, process.env.PATH].join(':'),
    AWS_PAGER: '',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CDK_DISABLE_VERSION_CHECK: 'true',
  };
  if (process.env.E2E_REAL_ACCOUNT !== undefined) {
    const region = process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
    if (region === undefined) throw new Error('Set AWS_REGION to the region to deploy to.');
    const env = { ...process.env, ...tools, AWS_REGION: region, AWS_DEFAULT_REGION: region };
    return { isEmulator: false, env, close: async () => {} };
  }
  const ministack = await startMiniStack(bin);
  // None of the caller's AWS settings, and made-up credentials, so that no call can reach a real account.
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  const env = {
    ...Object.fromEntries(own),
    ...tools,
    PATH: `${loadedAwsCliDirectory(bin)}:${tools.PATH}`,
    AWS_ENDPOINT_URL: ministack.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return { isEmulator: true, env, close: ministack.stop };
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
 * Starts the AWS emulator MiniStack. Its Lambda runs functions with the first `node` on its PATH, here the one that runs this
 * program: Node.js 24.
 */
export function startMiniStack(bin: string, logFile = 'ministack.log'): Promise<ServerProcess> {
  // Outside the repository: functions are unpacked here, and must find neither its packages nor its package.json.
  const temporary = temporaryDirectory();
  return startServerProcess({
    command: () => [join(bin, 'python'), join(import.meta.dirname, 'ministack-server.py')],
    // Nothing of the caller's AWS settings: functions inherit this environment.
    env: (port) => ({
      PATH: `${dirname(process.execPath)}:${bin}:/usr/bin:/bin`,
      HOME: temporary,
      TMPDIR: temporary,
      // Its Lambda does not bring the AWS SDK that CDK's AwsCustomResource loads.
      NODE_PATH: join(ROOT, 'node_modules'),
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      MINISTACK_REGION: REGION,
      AUTH: 'true',
      LAMBDA_EXECUTOR: 'local',
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
    }),
    cwd: temporary,
    logFile,
    readyPath: '/_ministack/health',
  });
}
