import { readFileSync } from 'node:fs';
import { startAuthorizationServer } from '../../local/authorization-server/authorization-server.ts';

/** The OAuth client's secret, as it is stored in Secrets Manager. */
type ClientSecret = { readonly client_id: string; readonly client_secret: string };

/** The token endpoint, and its controls. */
export interface TokenServer {
  readonly tokenUrl: string;
  readonly client: ClientSecret;
  /** Whether the server accepts the token; undefined if it cannot be asked. */
  isLive(token: string): Promise<boolean | undefined>;
  /** Sets another client secret, if that is possible. @returns the value to store */
  changeSecret(): ClientSecret;
  close(): Promise<void>;
}

/** Starts an authorization server on loopback. Tokens live an hour. */
export async function startLocalTokenServer(): Promise<TokenServer> {
  const client = { client_id: 'e2e-client', client_secret: 'e2e-canary-secret' };
  const { client_id: clientId, client_secret: clientSecret } = client;
  const server = await startAuthorizationServer({ clients: [{ clientId, clientSecret }] });
  return {
    tokenUrl: server.tokenUrl,
    client,
    isLive: async (token) => (await server.introspect(token)).active,
    changeSecret() {
      const changed = { ...client, client_secret: `${clientSecret}-2` };
      server.replaceClientSecret(clientId, changed.client_secret);
      return changed;
    },
    close: server.close,
  };
}

/**
 * Describes the server for a real account: `E2E_TOKEN_URL`, `E2E_CLIENT_FILE` (a JSON file with `client_id` and
 * `client_secret`) and, to ask whether a token is accepted, `E2E_PROBE_URL`.
 *
 * @throws Error where a variable is missing
 */
export function remoteTokenServer(): TokenServer {
  const { E2E_TOKEN_URL: tokenUrl, E2E_CLIENT_FILE: clientFile, E2E_PROBE_URL: probeUrl } = process.env;
  if (tokenUrl === undefined || clientFile === undefined) {
    throw new Error('A real account needs E2E_TOKEN_URL and E2E_CLIENT_FILE: see docs/development/e2e.md.');
  }
  const client: ClientSecret = JSON.parse(readFileSync(clientFile, 'utf8'));
  return {
    tokenUrl,
    client,
    async isLive(token) {
      if (probeUrl === undefined) return undefined;
      return (await fetch(probeUrl, { headers: { authorization: `Bearer ${token}` } })).ok;
    },
    changeSecret: () => client,
    close: async () => {},
  };
}
