import { readFileSync } from 'node:fs';
import { startAuthorizationServer } from '../local/authorization-server/authorization-server.ts';

/** The OAuth client's secret, as it is stored in Secrets Manager. */
export type ClientSecret = { readonly client_id: string; readonly client_secret: string };

/** The token endpoint, and its controls. */
export interface TokenServer {
  readonly tokenUrl: string;
  /** A token endpoint that does not answer. */
  readonly deadTokenUrl: string;
  readonly client: ClientSecret;
  /** Whether the server accepts the token; undefined if it cannot be asked. */
  isLive(token: string): Promise<boolean | undefined>;
  /** Starts the stopped endpoint again. @returns false if that is impossible */
  endOutage(): Promise<boolean>;
  /** Sets another client secret, if that is possible. @returns the value to store */
  changeSecret(): ClientSecret;
  close(): Promise<void>;
}

/** Starts two authorization servers on loopback, one of them offline. Tokens live an hour. */
export async function startLocalTokenServer(): Promise<TokenServer> {
  let client = { client_id: 'e2e-client', client_secret: 'e2e-canary-secret-1' };
  const start = () =>
    startAuthorizationServer({
      clients: [{ clientId: client.client_id, clientSecret: client.client_secret }],
      lifetimeSeconds: 3600,
    });
  const server = await start();
  const dead = await start();
  await dead.faults.goOffline();
  return {
    tokenUrl: server.tokenUrl,
    deadTokenUrl: dead.tokenUrl,
    get client() {
      return client;
    },
    async isLive(token) {
      const answers = await Promise.all([server.introspect(token), dead.introspect(token)]);
      return answers.some(({ active }) => active);
    },
    async endOutage() {
      await dead.faults.goOnline();
      return true;
    },
    changeSecret() {
      client = { ...client, client_secret: `${client.client_secret}-changed` };
      for (const one of [server, dead]) one.replaceClientSecret(client.client_id, client.client_secret);
      return client;
    },
    async close() {
      await Promise.all([server.close(), dead.close()]);
    },
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
    // Inside Lambda, nothing listens there.
    deadTokenUrl: 'http://127.0.0.1:9/oauth/token',
    client,
    async isLive(token) {
      if (probeUrl === undefined) return undefined;
      const answer = await fetch(probeUrl, { headers: { authorization: `Bearer ${token}` } });
      return answer.ok;
    },
    endOutage: async () => false,
    changeSecret: () => client,
    close: async () => {},
  };
}
