import type { JWK } from 'jose';

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

/** A CXone access key. It belongs to a service user; a client uses it on the user's behalf. */
export type AccessKey = { readonly accessKeyId: string; readonly accessKeySecret: string };

/** The registered clients. Read on every request, so that a secret can be replaced while the server runs. */
export type ClientRegistry = ReturnType<typeof createClientRegistry>;

/**
 * Creates the registry.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc7591#section-2 RFC 7591, 2}: the metadata's names
 */
export function createClientRegistry(clients: readonly Client[], accessKeys: readonly AccessKey[]) {
  const byId = new Map(clients.map((client) => [client.clientId, client]));
  const keySecrets = new Map(accessKeys.map((key) => [key.accessKeyId, key.accessKeySecret]));

  return {
    /** Client metadata under RFC 7591 names, as oidc-provider's adapter returns them. */
    metadata(clientId: string): Record<string, unknown> | undefined {
      const client = byId.get(clientId);
      return client === undefined ? undefined : toMetadata(client);
    },
    /** Replaces a client's secret; the old one is refused from the next request on. */
    replaceClientSecret(clientId: string, clientSecret: string): void {
      const client = byId.get(clientId);
      if (client === undefined || client.authMethod === 'private_key_jwt') {
        throw new Error(`There is no client ${clientId} with a secret to replace.`);
      }
      byId.set(clientId, { ...client, clientSecret });
    },
    find: (clientId: string): Client | undefined => byId.get(clientId),
    /** Tells whether id and secret are those of an access key. */
    isAccessKey(accessKeyId: unknown, accessKeySecret: unknown): boolean {
      return (
        typeof accessKeyId === 'string' &&
        typeof accessKeySecret === 'string' &&
        keySecrets.get(accessKeyId) === accessKeySecret
      );
    },
  };
}

function toMetadata(client: Client): Record<string, unknown> {
  return {
    client_id: client.clientId,
    grant_types: ['client_credentials', 'password'],
    response_types: [],
    redirect_uris: [],
    ...(client.scope === undefined ? {} : { scope: client.scope }),
    ...(client.authMethod === 'private_key_jwt'
      ? // oidc-provider requires plain objects; under Jest a key that WebCrypto exported belongs to another realm.
        { token_endpoint_auth_method: client.authMethod, jwks: JSON.parse(JSON.stringify(client.jwks)) }
      : {
          token_endpoint_auth_method: client.authMethod ?? 'client_secret_basic',
          client_secret: client.clientSecret,
        }),
  };
}
