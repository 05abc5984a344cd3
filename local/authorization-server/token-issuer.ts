import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, exportJWK, generateKeyPair, type JSONWebKeySet, jwtVerify } from 'jose';
import Provider, { errors, type ResourceServer } from 'oidc-provider';
import type { ClientRegistry } from './clients.ts';
import { createMemoryAdapter } from './memory-adapter.ts';

const SIGNING_ALGORITHM = 'ES256';
const BITS_PER_CHARACTER = 6;

/** Paths of the endpoints that oidc-provider serves. */
export const ISSUER_PATHS = {
  token: '/oauth/token',
  introspection: '/oauth/introspect',
  revocation: '/oauth/revoke',
  jwks: '/oauth/jwks',
  openidDiscovery: '/.well-known/openid-configuration',
  oauthDiscovery: '/.well-known/oauth-authorization-server',
} as const;

/** Settings that may change between tokens; read at each mint. */
export type IssuePolicy = {
  /** Life of a token in whole seconds. */
  lifetimeSeconds: () => number;
  tokenFormat: 'opaque' | 'jwt';
  /** Length of an opaque token in characters. */
  tokenLength: number;
};

/** A protected resource (RFC 8707) with the scopes it knows, space separated. */
export type Resource = { readonly scope?: string; readonly tokenFormat?: 'opaque' | 'jwt' };

export type TokenIssuerOptions = {
  readonly issuer: string;
  readonly clients: ClientRegistry;
  readonly policy: IssuePolicy;
  /** Scopes known without a resource. */
  readonly scopes: readonly string[];
  readonly resources: Readonly<Record<string, Resource>>;
};

/** oidc-provider on its own loopback port, behind the fault proxy. */
export type TokenIssuer = {
  readonly port: number;
  /** Claims of a JWT access token that this issuer signed and that has not expired, else `undefined`. */
  verifyJwt(token: string): Promise<Record<string, unknown> | undefined>;
  close(): Promise<void>;
};

/**
 * Starts the certified authorization server `oidc-provider` with the features for client credentials: three methods of
 * client authentication, scopes, resources, opaque and JWT tokens, introspection, revocation, discovery. Sets every
 * setting whose default prints a notice.
 *
 * @see {@link https://github.com/panva/node-oidc-provider/blob/main/docs/README.md oidc-provider's settings}
 */
export async function startTokenIssuer(options: TokenIssuerOptions): Promise<TokenIssuer> {
  const { issuer, clients, policy } = options;
  const { privateKey, publicKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const identity = { alg: SIGNING_ALGORITHM, use: 'sig', kid: 'local' };
  const publicKeys: JSONWebKeySet = { keys: [{ ...(await exportJWK(publicKey)), ...identity }] };
  const defaultAudience = `${issuer}/api`;

  const describeResource = (identifier: string): ResourceServer => {
    const resource = options.resources[identifier] ?? (identifier === defaultAudience ? {} : undefined);
    if (resource === undefined) throw new errors.InvalidTarget();
    return {
      scope: resource.scope ?? options.scopes.join(' '),
      audience: identifier,
      accessTokenFormat: resource.tokenFormat ?? policy.tokenFormat,
      jwt: { sign: { alg: SIGNING_ALGORITHM } },
    };
  };

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
      resourceIndicators: {
        enabled: true,
        // Servers without RFC 8707 call it `audience`.
        defaultResource: (ctx) =>
          requestedAudience(ctx) ?? (policy.tokenFormat === 'jwt' ? defaultAudience : undefined),
        getResourceServerInfo: (_ctx, identifier) => describeResource(identifier),
      },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
    formats: { bitsOfOpaqueRandomness: () => policy.tokenLength * BITS_PER_CHARACTER },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), ...identity }] },
    routes: {
      token: ISSUER_PATHS.token,
      introspection: ISSUER_PATHS.introspection,
      revocation: ISSUER_PATHS.revocation,
      jwks: ISSUER_PATHS.jwks,
    },
    scopes: [...options.scopes],
    ttl: { ClientCredentials: () => policy.lifetimeSeconds() },
  });
  // The fault proxy sends the host name and scheme of the outer request.
  provider.proxy = true;

  provider.registerGrantType<{ username?: string; password?: string; scope?: string }>(
    'password',
    async (ctx) => {
      const { username, password, scope } = ctx.oidc.params;
      if (!clients.isAccessKey(username, password)) throw new errors.InvalidGrant('access key refused');
      const token = new provider.ClientCredentials({ client: ctx.oidc.client, ...(scope && { scope }) });
      if (policy.tokenFormat === 'jwt') {
        token.resourceServer = new provider.ResourceServer(
          defaultAudience,
          describeResource(defaultAudience),
        );
      }
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
    async verifyJwt(token) {
      try {
        return (await jwtVerify(token, createLocalJWKSet(publicKeys), { issuer })).payload;
      } catch {
        return undefined;
      }
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function requestedAudience(ctx: { oidc: { body?: unknown } }): string | undefined {
  const audience = (ctx.oidc.body as Record<string, unknown> | undefined)?.audience;
  return typeof audience === 'string' ? audience : undefined;
}
