import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider, { type Adapter, type AdapterFactory, type AdapterPayload, errors } from 'oidc-provider';
import type { ClientRegistry } from './clients.ts';

const SIGNING_ALGORITHM = 'ES256';

/** Paths of the endpoints that oidc-provider serves. */
export const ISSUER_PATHS = {
  token: '/oauth/token',
  introspection: '/oauth/introspect',
  revocation: '/oauth/revoke',
  jwks: '/oauth/jwks',
  openidDiscovery: '/.well-known/openid-configuration',
  oauthDiscovery: '/.well-known/oauth-authorization-server',
} as const;

export type TokenIssuerOptions = {
  readonly issuer: string;
  readonly clients: ClientRegistry;
  /** Life of a token in whole seconds; called at each mint. */
  readonly lifetimeSeconds: () => number;
  readonly scopes: readonly string[];
};

/**
 * Starts the certified authorization server `oidc-provider` with the features for client credentials: three methods of
 * client authentication, scopes, opaque tokens, introspection, revocation, discovery. Sets every setting whose default
 * prints a notice. It listens on its own loopback port, behind the fault proxy.
 *
 * @see {@link https://github.com/panva/node-oidc-provider/blob/main/docs/README.md oidc-provider's settings}
 */
export async function startTokenIssuer(
  options: TokenIssuerOptions,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { issuer, clients, lifetimeSeconds } = options;
  const { privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const identity = { alg: SIGNING_ALGORITHM, use: 'sig', kid: 'local' };

  const provider = new Provider(issuer, {
    adapter: createMemoryAdapter(clients),
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    clientDefaults: { id_token_signed_response_alg: SIGNING_ALGORITHM },
    clientBasedCORS: () => false,
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => client.clientId === token.clientId,
      },
      resourceIndicators: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), ...identity }] },
    routes: {
      token: ISSUER_PATHS.token,
      introspection: ISSUER_PATHS.introspection,
      revocation: ISSUER_PATHS.revocation,
      jwks: ISSUER_PATHS.jwks,
    },
    scopes: [...options.scopes],
    ttl: { ClientCredentials: lifetimeSeconds },
  });
  // The fault proxy sends the host name and scheme of the outer request.
  provider.proxy = true;

  provider.registerGrantType<{ username?: string; password?: string; scope?: string }>(
    'password',
    async (ctx) => {
      const { username, password, scope } = ctx.oidc.params;
      if (!clients.isAccessKey(username, password)) throw new errors.InvalidGrant('access key refused');
      const token = new provider.ClientCredentials({ client: ctx.oidc.client, ...(scope && { scope }) });
      const accessToken = await token.save();
      ctx.body = {
        access_token: accessToken,
        expires_in: token.expiration,
        token_type: token.tokenType,
        scope,
      };
    },
    ['username', 'password', 'scope'],
  );

  const server = createServer(provider.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/**
 * Creates oidc-provider's storage in memory, with what the client credentials and the password grant need. Clients are read
 * from the registry each time. oidc-provider itself checks `exp`.
 */
function createMemoryAdapter(clients: ClientRegistry): AdapterFactory {
  return (model): Adapter => {
    const stored = new Map<string, AdapterPayload>();
    const unused = (): never => {
      throw new Error(`The local authorization server has no users, and stores no ${model}.`);
    };
    return {
      find: async (id) => (model === 'Client' ? clients.metadata(id) : stored.get(id)),
      upsert: async (id, payload) => void stored.set(id, payload),
      destroy: async (id) => void stored.delete(id),
      consume: unused,
      findByUid: unused,
      findByUserCode: unused,
      revokeByGrantId: unused,
    };
  };
}
