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

/**
 * Excludes this port from an HTTP proxy: the proxy would see the token, and cannot reach the port. A `*` means all hosts only
 * if it is alone. Clients read one of the two variables, in different order: each keeps its list.
 */
function withoutProxyFor(host: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (!(env.HTTP_PROXY || env.http_proxy || env.ALL_PROXY || env.all_proxy)) return {};
  const withHost = (hosts = ''): string =>
    hosts.trim() === '*' ? hosts : [hosts, host].filter((text) => text !== '').join(',');
  const { NO_PROXY: upper, no_proxy: lower } = env;
  return { NO_PROXY: withHost(upper ?? lower), no_proxy: withHost(lower ?? upper) };
}
