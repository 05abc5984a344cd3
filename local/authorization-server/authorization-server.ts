import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { ServerCertificate } from '../server-certificate.ts';
import { createFaultScript, type FaultyEndpoint, playFault } from './faults.ts';
import { type Client, createTokenIssuer } from './token-issuer.ts';

export type AuthorizationServerOptions = {
  readonly clients?: readonly Client[];
  /** The secrets of CXone's access keys, by id: for the password grant and for the access-key route. */
  readonly accessKeys?: Readonly<Record<string, string>>;
  /** Lifetime of a token in whole seconds. @default 3600 */
  readonly lifetimeSeconds?: number;
  /** Host name in the server's URLs; it listens on 127.0.0.1 in any case. @default '127.0.0.1' */
  readonly hostname?: string;
  /** Serves HTTPS with this certificate. @default plain HTTP */
  readonly tls?: ServerCertificate;
};

/** A running authorization server. All its paths are on one origin. */
export type AuthorizationServer = Awaited<ReturnType<typeof startAuthorizationServer>>;

/** Where faults can be scripted: OAuth's paths and those of single providers. */
const PATHS: Readonly<Record<string, FaultyEndpoint>> = {
  '/oauth/token': 'token',
  '/authentication/v1/token/access-key': 'token',
  '/.well-known/openid-configuration': 'discovery',
  '/.well-known/oauth-authorization-server': 'discovery',
  '/probe': 'probe',
  '/api/v2/tokens/me': 'probe',
};
const RENEWAL_PATH = /^\/api\/v2\/oauth\/clients\/([^/]+)\/secret$/;

/** An answer of a provider's own API. */
type Answer = readonly [status: number, body: object];
const BAD_CREDENTIALS: Answer = [401, { code: 'bad.credentials', message: 'Invalid login credentials.' }];
const NO_PERMISSION: Answer = [403, { code: 'missing.permissions', message: 'oauth:client:edit' }];

/**
 * Starts the certified authorization server `oidc-provider` on loopback, with the routes that the providers add to it, and
 * with scripted faults. It prints nothing, and leaves nothing behind.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.4 RFC 6749, 4.4}: the client credentials grant
 */
export async function startAuthorizationServer(options: AuthorizationServerOptions = {}) {
  const { hostname = '127.0.0.1', tls, clients = [], accessKeys = {} } = options;
  let { lifetimeSeconds = 3600 } = options;
  const faults = createFaultScript();
  /** The paths of all received requests, also of those with a fault. */
  const log: Record<FaultyEndpoint, string[]> = { token: [], discovery: [], probe: [], renewal: [] };

  // The issuer's name contains the port, so the port comes first and the request handler a little later.
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const origin = `${tls === undefined ? 'http' : 'https'}://${hostname}:${port}`;
  const issuer = await createTokenIssuer({
    ...{ issuer: origin, clients, accessKeys },
    lifetimeSeconds: () => lifetimeSeconds,
  });
  const { provider } = issuer;

  /** The client whose live token a request carries. */
  const callerOf = (authorization = ''): Client | undefined => {
    const { active, client_id = '' } = issuer.introspect(/^Bearer (\S+)$/i.exec(authorization)?.[1] ?? '');
    return active ? issuer.clients.get(client_id) : undefined;
  };
  /** Makes a new secret of a client. The old one ends at once, and every token of the client with it: nobody documents that they live on. */
  const renewSecret = (clientId: string, caller: Client): Answer => {
    if (!caller.mayEditClients) return NO_PERMISSION;
    if (!issuer.clients.has(clientId)) return [404, { code: 'not.found' }];
    const secret = randomBytes(24).toString('base64url');
    issuer.replaceClientSecret(clientId, secret);
    issuer.endTokens(clientId);
    return [200, { id: clientId, name: clientId, secret }];
  };
  /** The answer of a provider's own API; undefined where the path is OAuth's. */
  const answerOfApi = (method: string, path: string, authorization?: string): Answer | undefined => {
    const renewed = RENEWAL_PATH.exec(path)?.[1];
    const isRoles = path === '/api/v2/authorization/subjects/me';
    if (renewed === undefined && !isRoles && PATHS[path] !== 'probe') return undefined;
    const caller = callerOf(authorization);
    if (caller === undefined || method !== (renewed ? 'POST' : 'GET')) return BAD_CREDENTIALS;
    if (renewed !== undefined) return renewSecret(decodeURIComponent(renewed), caller);
    if (!isRoles) return [200, { OAuthClient: { id: caller.clientId } }];
    const grants = caller.roles?.map((id) => ({ role: { id }, division: { id: 'home' } }));
    return grants === undefined ? NO_PERMISSION : [200, { id: caller.clientId, grants }];
  };

  provider.use(async (ctx, next) => {
    const endpoint = RENEWAL_PATH.test(ctx.path) ? 'renewal' : PATHS[ctx.path];
    if (endpoint !== undefined) log[endpoint].push(ctx.path);
    await playFault(endpoint && faults.take(endpoint), ctx, async () => {
      const answer = answerOfApi(ctx.method, ctx.path, ctx.get('authorization'));
      if (answer !== undefined) [ctx.status, ctx.body] = answer;
      else if (ctx.path.endsWith('/access-key')) {
        try {
          const { accessKeyId, accessKeySecret } = (await json(ctx.req)) as Record<string, unknown>;
          ctx.body = await issuer.tradeAccessKey(accessKeyId, accessKeySecret);
        } catch {
          [ctx.status, ctx.body] = [401, { error: 'invalid_grant' }];
        }
      } else await next();
    });
  });
  server.on('request', provider.callback() as RequestListener);

  /** Stops listening and drops every connection: clients get ECONNREFUSED. */
  const goOffline = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    /** Also the server's origin. */
    issuer: origin,
    port,
    tokenUrl: `${origin}/oauth/token`,
    /** `GET` with a Bearer token: 200 while it is active, else 401. */
    probeUrl: `${origin}/probe`,
    /** The paths of the requests to a token endpoint, in order, also of those that met a fault. */
    requests: log.token as readonly string[],
    discoveries: log.discovery as readonly string[],
    probes: log.probe as readonly string[],
    faults: {
      ...faults,
      goOffline,
      /** Listens again on the same port. */
      async goOnline(): Promise<void> {
        if (server.listening) return;
        server.listen(port, '127.0.0.1');
        await once(server, 'listening');
      },
    },
    introspect: issuer.introspect,
    revoke: issuer.revoke,
    replaceClientSecret: issuer.replaceClientSecret,
    /** Sets the lifetime of later tokens, in whole seconds. */
    setLifetime(seconds: number): void {
      lifetimeSeconds = seconds;
    },
    /** Whether this is the client's secret at present. */
    isSecret: (clientId: string, clientSecret: string): boolean =>
      Object(issuer.clients.get(clientId)).clientSecret === clientSecret,
    close: goOffline,
  };
}
