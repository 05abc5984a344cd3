import type { RequestListener } from 'node:http';
import type { ServerCertificate } from '../certificate-authority.ts';
import { type AccessKey, type Client, createClientRegistry } from './clients.ts';
import { createFaultProxy, DIALECT_PATHS, type RecordedRequest, type RequestLog } from './fault-proxy.ts';
import { createFaultScript } from './faults.ts';
import { createIssuerClient, createOwnClient, type Introspection } from './issuer-client.ts';
import { listen } from './listener.ts';
import { ISSUER_PATHS, startTokenIssuer } from './token-issuer.ts';

export type AuthorizationServerOptions = {
  readonly clients?: readonly Client[];
  /** CXone access keys: for the password grant and for the access-key route. */
  readonly accessKeys?: readonly AccessKey[];
  /** Lifetime of a token in whole seconds. @default 3600 */
  readonly lifetimeSeconds?: number;
  /** Host name in the server's URLs; it listens on 127.0.0.1 in any case. @default '127.0.0.1' */
  readonly hostname?: string;
  /** Serves HTTPS with this certificate. @default plain HTTP */
  readonly tls?: ServerCertificate;
};

/** A running authorization server with a fault proxy in front. All its paths are on one origin. */
export type AuthorizationServer = Awaited<ReturnType<typeof startAuthorizationServer>>;

/**
 * Starts the certified authorization server `oidc-provider` on loopback, behind a proxy that plays scripted faults and
 * imitates the providers' deviations. It prints nothing, and leaves nothing behind.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.4 RFC 6749, 4.4}: the client credentials grant
 */
export async function startAuthorizationServer(options: AuthorizationServerOptions = {}) {
  const { hostname = '127.0.0.1', tls } = options;
  const ownClient = createOwnClient();
  const clients = createClientRegistry([...(options.clients ?? []), ownClient], options.accessKeys ?? []);
  let { lifetimeSeconds = 3600 } = options;
  let mintCount = 0;
  const revoked = new Set<string>();
  const minted: string[] = [];
  const faults = createFaultScript();
  const log: RequestLog = { token: [], discovery: [], probe: [], renewal: [] };

  // The issuer's name contains the port, so the port comes first and the request handler a little later.
  let onRequest: RequestListener = (_request, response) => response.destroy();
  const listener = await listen((request, response) => onRequest(request, response), tls);
  const origin = new URL(`${tls === undefined ? 'http' : 'https'}://${hostname}:${listener.port}`);
  const issuer = await startTokenIssuer({
    issuer: origin.origin,
    clients,
    lifetimeSeconds: () => lifetimeSeconds,
    scopes: [...new Set(clientScopes(options.clients ?? []))],
  });
  const issuerClient = createIssuerClient({ port: issuer.port, origin, ownClient });

  const inspect = async (token: string): Promise<Introspection> =>
    revoked.has(token) ? { active: false } : issuerClient.introspect(token);
  onRequest = createFaultProxy({
    faults,
    issuerClient,
    clients,
    inspect,
    log,
    onMint: (token) => {
      mintCount += 1;
      minted.push(token);
    },
    async endTokens(clientId) {
      for (const token of minted) if ((await inspect(token)).client_id === clientId) revoked.add(token);
    },
    reset: (request) => listener.reset(request.socket),
  });

  return {
    /** Origin, without a slash at the end; the issuer is the same. */
    url: origin.origin,
    issuer: origin.origin,
    port: listener.port,
    tokenUrl: origin.origin + ISSUER_PATHS.token,
    /** `GET` with a Bearer token: 200 while it is active, else 401. */
    probeUrl: origin.origin + DIALECT_PATHS.probe,
    /** Every request to a token endpoint, in order, also those that met a fault. */
    requests: log.token as readonly RecordedRequest[],
    discoveries: log.discovery as readonly RecordedRequest[],
    probes: log.probe as readonly RecordedRequest[],
    /** Every request that renews a client's secret. */
    renewals: log.renewal as readonly RecordedRequest[],
    /** `count`: tokens granted by the authorization server. */
    mints: {
      get count(): number {
        return mintCount;
      },
    },
    faults: {
      ...faults,
      goOffline: listener.goOffline,
      goOnline: listener.goOnline,
    },
    /** Introspects a token. This does not count as a use. */
    introspect: inspect,
    /** Sets the lifetime of later tokens, in whole seconds. */
    setLifetime(seconds: number): void {
      lifetimeSeconds = seconds;
    },
    replaceClientSecret: clients.replaceClientSecret,
    /** Whether this is the client's secret at present. */
    isSecret: (clientId: string, clientSecret: string): boolean =>
      clients.metadata(clientId)?.client_secret === clientSecret,
    revoke: (token: string): void => void revoked.add(token),
    async close(): Promise<void> {
      await listener.close();
      await issuer.close();
    },
  };
}

function clientScopes(clients: readonly Client[]): string[] {
  return clients.flatMap(({ scope = '' }) => scope.split(' ')).filter((scope) => scope !== '');
}
