import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import Provider, { type AdapterPayload, errors } from 'oidc-provider';

const SIGNING_ALGORITHM = 'ES256';

/** A client of the authorization server. `scope`: the scopes that it may request, space-separated. */
export type Client = {
  readonly clientId: string;
  readonly scope?: string;
  /** Genesys Cloud's: what `GET /api/v2/authorization/subjects/me` tells. @default it tells nothing */
  readonly roles?: readonly string[];
  /** Genesys Cloud's permission `oauth:client:edit`. @default false */
  readonly mayEditClients?: boolean;
} & (
  | { readonly authMethod?: 'client_secret_basic' | 'client_secret_post'; readonly clientSecret: string }
  | { readonly authMethod: 'private_key_jwt'; readonly jwks: { readonly keys: readonly JWK[] } }
);

/** The client whose tokens CXone's access keys get. */
const ACCESS_KEYS_CLIENT: Client = { clientId: 'access-keys', clientSecret: randomBytes(24).toString('hex') };

/**
 * Makes the certified authorization server `oidc-provider` with the features for client credentials: three methods of
 * client authentication, scopes, opaque tokens, discovery. Sets every setting whose default prints a notice. All that it
 * stores is in memory. Clients are read at each request, so that a secret can be replaced while the server runs.
 *
 * @see {@link https://github.com/panva/node-oidc-provider/blob/main/docs/README.md oidc-provider's settings}
 */
export async function createTokenIssuer(options: {
  readonly issuer: string;
  readonly clients: readonly Client[];
  /** The secrets of CXone's access keys, by id. */
  readonly accessKeys: Readonly<Record<string, string>>;
  /** Life of a token in whole seconds; called at each mint. */
  readonly lifetimeSeconds: () => number;
}) {
  const clients = new Map([...options.clients, ACCESS_KEYS_CLIENT].map((one) => [one.clientId, one]));
  const stored = new Map<string, AdapterPayload>();
  const scopes = options.clients.flatMap(({ scope }) => scope?.split(' ') ?? []);
  const { privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const unused = (): never => {
    throw new Error('The local authorization server has no users.');
  };

  const provider = new Provider(options.issuer, {
    adapter: (model) => ({
      find: async (id) => (model === 'Client' ? toMetadata(clients.get(id)) : stored.get(id)),
      upsert: async (id, payload) => void stored.set(id, payload),
      destroy: async (id) => void stored.delete(id),
      consume: unused,
      findByUid: unused,
      findByUserCode: unused,
      revokeByGrantId: unused,
    }),
    clientDefaults: { id_token_signed_response_alg: SIGNING_ALGORITHM },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: false },
      // docs/runbook.md ends a leaked token there.
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => client.clientId === token.clientId,
      },
    },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: SIGNING_ALGORITHM, use: 'sig', kid: 'local' }] },
    routes: { token: '/oauth/token', revocation: '/oauth/revoke' },
    scopes: [...new Set(scopes)],
    ttl: { ClientCredentials: options.lifetimeSeconds },
  });

  // A client that goes away is no error to print.
  provider.silent = true;

  /** The answer to an access key: a token. */
  const tradeAccessKey = async (id: unknown, secret: unknown) => {
    if (typeof id !== 'string' || typeof secret !== 'string' || options.accessKeys[id] !== secret) {
      throw new errors.InvalidGrant('access key refused');
    }
    const client = await provider.Client.find(ACCESS_KEYS_CLIENT.clientId);
    if (client === undefined) throw new errors.InvalidClient();
    const token = new provider.ClientCredentials({ client });
    const access_token = await token.save();
    return { access_token, expires_in: token.expiration, token_type: token.tokenType };
  };
  provider.registerGrantType<{ username?: string; password?: string }>(
    'password',
    async (ctx) => {
      const { username, password } = ctx.oidc.params;
      ctx.body = await tradeAccessKey(username, password);
    },
    ['username', 'password'],
  );

  return {
    provider,
    clients: clients as ReadonlyMap<string, Client>,
    tradeAccessKey,
    /** Whether a token is live, and whose it is. */
    introspect(token: string): { readonly active: boolean; readonly client_id?: string } {
      const { exp = 0, clientId } = stored.get(token) ?? {};
      return exp * 1000 > Date.now()
        ? { active: true, ...(clientId && { client_id: clientId }) }
        : { active: false };
    },
    revoke: (token: string): void => void stored.delete(token),
    /** Ends every token of a client. */
    endTokens(clientId: string): void {
      for (const [token, payload] of stored) if (payload.clientId === clientId) stored.delete(token);
    },
    /** Replaces a client's secret; the old one is refused from the next request on. */
    replaceClientSecret(clientId: string, clientSecret: string): void {
      const client = clients.get(clientId);
      if (client === undefined || client.authMethod === 'private_key_jwt') {
        throw new Error(`There is no client ${clientId} with a secret to replace.`);
      }
      clients.set(clientId, { ...client, clientSecret });
    },
  };
}

/** @see {@link https://www.rfc-editor.org/rfc/rfc7591#section-2 RFC 7591, 2}: the metadata's names */
function toMetadata(client: Client | undefined): AdapterPayload | undefined {
  if (client === undefined) return undefined;
  return {
    client_id: client.clientId,
    grant_types: ['client_credentials', 'password'],
    response_types: [],
    redirect_uris: [],
    ...(client.scope === undefined ? {} : { scope: client.scope }),
    token_endpoint_auth_method: client.authMethod ?? 'client_secret_basic',
    ...(client.authMethod === 'private_key_jwt'
      ? // oidc-provider requires plain objects; under Jest a key that WebCrypto exported belongs to another realm.
        { jwks: JSON.parse(JSON.stringify(client.jwks)) }
      : { client_secret: client.clientSecret }),
  };
}
