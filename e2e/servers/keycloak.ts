import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { succeed } from '../command.ts';
import { ROOT, WORK_DIRECTORY } from '../python-tools.ts';
import { type ServerProcess, startServerProcess } from '../server-process.ts';

const VERSION = '26.7.0';
const DIRECTORY = join(ROOT, '.venv/keycloak');
const HOME = join(DIRECTORY, `keycloak-${VERSION}`);

/** The realm that is made, and its issuer below the server's URL. */
export const REALM = 'ci';

/**
 * Starts Keycloak's own distribution (Maven Central) on loopback, with one realm in memory. Needs Java 17 or later,
 * Maven and Python 3.
 *
 * @param clients as the realm's representation has them
 */
export async function startKeycloak(clients: readonly object[], signal: AbortSignal): Promise<ServerProcess> {
  mkdirSync(WORK_DIRECTORY, { recursive: true });
  await install(signal);
  const imports = join(HOME, 'data/import');
  rmSync(join(HOME, 'data'), { recursive: true, force: true });
  mkdirSync(imports, { recursive: true });
  writeFileSync(
    join(imports, `${REALM}-realm.json`),
    JSON.stringify({ realm: REALM, enabled: true, sslRequired: 'none', accessTokenLifespan: 3600, clients }),
  );
  const options = ['--db=dev-mem', '--cache=local', '--http-host=127.0.0.1', '--import-realm'];
  return startServerProcess({
    // Not started by itself: unpacked by Python, the file is not executable.
    command: 'bash',
    args: (port) => [join(HOME, 'bin/kc.sh'), 'start-dev', ...options, `--http-port=${port}`],
    env: () => ({ PATH: process.env.PATH, HOME: WORK_DIRECTORY, JAVA_HOME: process.env.JAVA_HOME }),
    logFile: join(WORK_DIRECTORY, 'keycloak.log'),
    readyPath: `/realms/${REALM}`,
    // It builds itself first, which takes minutes on a busy machine.
    readySeconds: 600,
  });
}

/** Fetches and unpacks the distribution, once. */
async function install(signal: AbortSignal): Promise<void> {
  if (existsSync(HOME)) return;
  const options = { env: process.env, signal };
  const download = join(DIRECTORY, 'download');
  rmSync(DIRECTORY, { recursive: true, force: true });
  mkdirSync(download, { recursive: true });
  await succeed(
    'mvn',
    [
      ...['--quiet', '--batch-mode', 'dependency:copy', '-Dmdep.useBaseVersion=true'],
      ...[`-Dartifact=org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`, `-DoutputDirectory=${download}`],
    ],
    { ...options, cwd: download },
  );
  const archive = join(download, `keycloak-quarkus-dist-${VERSION}.zip`);
  await succeed('python3', ['-m', 'zipfile', '-e', archive, download], options);
  // Last: an installation that was interrupted is done again.
  renameSync(join(download, `keycloak-${VERSION}`), HOME);
  rmSync(download, { recursive: true });
}
