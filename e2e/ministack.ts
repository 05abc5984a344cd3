import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT, WORK_DIRECTORY } from './python-tools.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

/**
 * Starts the AWS emulator MiniStack on loopback. Its Lambda runs functions with the first `node` on its PATH, here the one
 * that runs this program: Node.js 24. `bin` is the directory of its command.
 */
export async function startMiniStack(bin: string, region: string): Promise<ServerProcess> {
  // Outside the repository: functions are unpacked here, and must find neither its packages nor its package.json.
  const temporary = mkdtempSync(join(tmpdir(), 'ministack-'));
  const server = await startServerProcess({
    command: join(bin, 'ministack'),
    args: () => [],
    // Nothing of the caller's AWS settings: functions inherit this environment.
    env: (port) => ({
      PATH: `${dirname(process.execPath)}:${bin}:/usr/bin:/bin`,
      HOME: temporary,
      TMPDIR: temporary,
      NODE_PATH: join(ROOT, 'node_modules'),
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      MINISTACK_REGION: region,
      LAMBDA_EXECUTOR: 'local',
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
    }),
    cwd: temporary,
    logFile: join(WORK_DIRECTORY, 'ministack.log'),
    readyPath: '/_ministack/health',
  }).catch((error: unknown) => {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  });
  return {
    ...server,
    async stop() {
      await server.stop();
      rmSync(temporary, { recursive: true, force: true });
    },
  };
}

/** Where MiniStack differs from AWS, and the workaround. */
export const MINISTACK_GAPS = [
  'Lambda does not bring the AWS SDK that CDK’s AwsCustomResource loads; NODE_PATH points to ours',
  'IAM is not evaluated; test/infra/isolation.test.ts evaluates the policies',
  'KMS, alarms, reserved concurrency and the limits of Parameter Store are not emulated, and not tested here',
] as const;
