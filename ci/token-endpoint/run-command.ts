import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandLine } from './command-line.ts';
import type { JobCredentials } from './job-credentials.ts';
import type { LoopbackServer } from './server.ts';

/** COMMAND's environment: the job's, and the variables for OAuth2 clients and Genesys Cloud's SDKs. */
export function commandEnvironment(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly server: Pick<LoopbackServer, 'host' | 'port'>;
  readonly credentials: Pick<JobCredentials, 'clientId' | 'clientSecret'>;
  readonly genesys: CommandLine['genesys'];
}): NodeJS.ProcessEnv {
  const { env, server, credentials, genesys } = options;
  const { clientId, clientSecret } = credentials;
  const { GENESYSCLOUD_ACCESS_TOKEN: dropped, ...withoutToken } = env;
  return {
    // Clients prefer a token in the environment to client id and secret, and would bypass the gateway.
    ...(genesys === undefined ? env : withoutToken),
    ...withoutProxyFor(server.host, env),
    OAUTH_TOKEN_URL: `http://${server.host}:${server.port}/oauth/token`,
    OAUTH_CLIENT_ID: clientId,
    OAUTH_CLIENT_SECRET: clientSecret,
    ...(genesys !== undefined && {
      GENESYSCLOUD_REGION: genesys.region,
      GENESYSCLOUD_OAUTHCLIENT_ID: clientId,
      GENESYSCLOUD_OAUTHCLIENT_SECRET: clientSecret,
      GENESYSCLOUD_GATEWAY_HOST: server.host,
      GENESYSCLOUD_GATEWAY_PORT: String(server.port),
      GENESYSCLOUD_GATEWAY_PROTOCOL: 'http',
    }),
  };
}

/** Excludes this port from an HTTP proxy: the proxy would see the token, and cannot reach the port. */
function withoutProxyFor(host: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (!(env.HTTP_PROXY || env.http_proxy || env.ALL_PROXY || env.all_proxy)) return {};
  const hosts = [env.no_proxy || env.NO_PROXY, host].filter(Boolean).join(',');
  return { NO_PROXY: hosts, no_proxy: hosts };
}

/** How COMMAND ended. */
export type CommandEnd = { readonly status: number } | { readonly signal: NodeJS.Signals };

/** Signals to this process that are passed on to COMMAND. */
const FORWARDED: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGCONT',
];
/** timeout(1) sends its signal to the process and then to its group: COMMAND must get it once. */
const SAME_SIGNAL_MS = 200;
const GRACE_MS = 10_000;
const AFTER_KILL_MS = 2000;
const LOOK_EVERY_MS = 50;

/**
 * Runs COMMAND in its own process group, with our stdin, stdout and stderr, and passes signals on to the group. When
 * COMMAND has ended, ends the remaining processes of the group: by SIGTERM, and after ten seconds by SIGKILL.
 *
 * @throws Error with the code ENOENT or EACCES if COMMAND cannot be run
 */
export function runCommand(
  [file, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<CommandEnd> {
  return new Promise((resolve, reject) => {
    const passOn = new Map<NodeJS.Signals, () => void>();
    for (const signal of FORWARDED) {
      let lastAt = Number.NEGATIVE_INFINITY;
      passOn.set(signal, () => {
        if (performance.now() - lastAt > SAME_SIGNAL_MS) signalGroup(child.pid, signal);
        lastAt = performance.now();
      });
    }
    // Before COMMAND starts: a signal may arrive at once.
    for (const [signal, listener] of passOn) process.on(signal, listener);
    const child = spawn(file, args, { env, stdio: 'inherit', detached: true });
    const stopPassingOn = (): void => {
      for (const [signal, listener] of passOn) process.off(signal, listener);
    };
    child.once('error', (error) => {
      stopPassingOn();
      reject(error);
    });
    child.once('exit', async (status, signal) => {
      await endGroup(child.pid);
      stopPassingOn();
      resolve(signal === null ? { status: status ?? 1 } : { signal });
    });
  });
}

/** Ends this process as COMMAND ended: with its status, or by its signal. */
export function endLike(end: CommandEnd): void {
  if ('status' in end) {
    process.exitCode = end.status;
    return;
  }
  // The exit status that a shell would report, for a signal that does not end this process.
  process.exitCode = 128 + constants.signals[end.signal];
  // SIGUSR1 would make Node.js listen for a debugger.
  if (end.signal !== 'SIGUSR1') process.kill(process.pid, end.signal);
}

async function endGroup(pid: number | undefined): Promise<void> {
  if (!signalGroup(pid, 'SIGTERM')) return;
  signalGroup(pid, 'SIGCONT');
  if (await isGone(pid, GRACE_MS)) return;
  signalGroup(pid, 'SIGKILL');
  // If no parent collects dead processes, they stay in the group for ever.
  await isGone(pid, AFTER_KILL_MS);
}

async function isGone(pid: number | undefined, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (signalGroup(pid, 0)) {
    if (performance.now() > until) return false;
    await sleep(LOOK_EVERY_MS);
  }
  return true;
}

/** Tells whether there was a process in the group to send the signal to. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
