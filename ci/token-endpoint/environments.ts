import type { CommandLine } from './command-line.ts';
import type { JobCredentials } from './job-credentials.ts';
import type { LoopbackServer } from './server.ts';

type Environment = NodeJS.ProcessEnv;

/** By these, Node.js logs what it sends and which processes it starts, writes files about itself, or waits for a debugger. */
const REVEALING = /^NODE_(?:DEBUG|DEBUG_NATIVE|V8_COVERAGE|INSPECT.*)$/;

/** What is kept of NODE_OPTIONS: code that the job's owner loads, certificates, proxies, addresses, memory. */
const HARMLESS =
  /^(?:-r|--(?:require|import|(?:experimental-)?loader|(?:use|openssl|tls-m(?:in|ax)|no|disable)-[a-z\d.-]+|(?:enable|force)-fips|tls-cipher-list|dns-result-order|network-family-[a-z-]+|max-(?:http-header|old-space|semi-space)-size))$/;

/** Carries the values that a restart drops, for COMMAND. */
const DROPPED = 'TOKEN_ENDPOINT_DROPPED';

/**
 * Separates the job's environment, which COMMAND gets, from the one of this program's own process. Node.js reads its
 * variables before the first statement of a program: if one could reveal a token, the program must be started again with
 * the environment `restart`.
 *
 * @see https://nodejs.org/api/cli.html#environment-variables_1
 */
export function separateEnvironments({ [DROPPED]: carried = '{}', ...env }: Environment): {
  readonly job: Environment;
  readonly restart: Environment | undefined;
} {
  const own = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, kept(name, value)]));
  const dropped = Object.entries(env).filter(([name, value]) => own[name] !== value);
  return {
    job: { ...env, ...JSON.parse(carried) },
    restart:
      dropped.length === 0 ? undefined : { ...own, [DROPPED]: JSON.stringify(Object.fromEntries(dropped)) },
  };
}

function kept(name: string, value = ''): string {
  if (name !== 'NODE_OPTIONS') return REVEALING.test(name) ? '' : value;
  let isKept = false;
  const words = value.match(/(?:"(?:\\.|[^"\\])*"|[^ "])+/g) ?? [];
  return words
    .filter((word) => {
      const [option = ''] = word.replaceAll('"', '').split('=');
      // Another word is the value of the option before it.
      if (option.startsWith('-')) isKept = HARMLESS.test(option.replaceAll('_', '-'));
      return isKept;
    })
    .join(' ');
}

const LOOK_EVERY_MS = 500;

/**
 * Keeps a debugger closed that NODE_OPTIONS opened, or SIGUSR1 before the first statement: several such signals open it again
 * after it was closed. One of the command line stays: whoever wrote that wants it.
 */
export async function keepDebuggerClosed(): Promise<void> {
  if (!process.features.inspector || process.execArgv.some((option) => option.startsWith('--inspect')))
    return;
  const { url, close } = await import('node:inspector');
  const look = (): void => {
    if (url() !== undefined) close();
  };
  look();
  setInterval(look, LOOK_EVERY_MS).unref();
}

/** COMMAND's environment: the job's, and the variables for OAuth2 clients and Genesys Cloud's SDKs. */
export function commandEnvironment(
  env: Environment,
  { host, port }: Pick<LoopbackServer, 'host' | 'port'>,
  { clientId, clientSecret }: Pick<JobCredentials, 'clientId' | 'clientSecret'>,
  genesys: CommandLine['genesys'],
): Environment {
  const { GENESYSCLOUD_ACCESS_TOKEN: dropped, ...withoutToken } = env;
  return {
    // Clients prefer a token in the environment to client id and secret, and would bypass the gateway.
    ...(genesys === undefined ? env : withoutToken),
    ...withoutProxyFor(host, env),
    OAUTH_TOKEN_URL: `http://${host}:${port}/oauth/token`,
    OAUTH_CLIENT_ID: clientId,
    OAUTH_CLIENT_SECRET: clientSecret,
    ...(genesys !== undefined && {
      GENESYSCLOUD_REGION: genesys.region,
      GENESYSCLOUD_OAUTHCLIENT_ID: clientId,
      GENESYSCLOUD_OAUTHCLIENT_SECRET: clientSecret,
      GENESYSCLOUD_GATEWAY_HOST: host,
      GENESYSCLOUD_GATEWAY_PORT: String(port),
      GENESYSCLOUD_GATEWAY_PROTOCOL: 'http',
    }),
  };
}

/**
 * Excludes this port from an HTTP proxy: the proxy would see the token, and cannot reach the port. A `*` means all hosts only
 * if it is alone. Clients read one of the two variables, in different order: each keeps its list.
 */
function withoutProxyFor(host: string, env: Environment): Environment {
  if (!(env.HTTP_PROXY || env.http_proxy || env.ALL_PROXY || env.all_proxy)) return {};
  const withHost = (hosts = ''): string =>
    hosts.trim() === '*' ? hosts : [hosts, host].filter((text) => text !== '').join(',');
  const { NO_PROXY: upper, no_proxy: lower } = env;
  return { NO_PROXY: withHost(upper ?? lower), no_proxy: withHost(lower ?? upper) };
}
