import { readFileSync } from 'node:fs';
import { startAuthorizationServer } from '../../local/authorization-server/authorization-server.ts';

/** The OAuth client's secret, as it is stored in Secrets Manager. */
type ClientSecret = { readonly client_id: string; readonly client_secret: string };

/** The token endpoint, and its controls. */
export interface TokenServer {
  readonly tokenUrl: string;
  /** A token endpoint that does not answer. */
  readonly deadTokenUrl: string;
  readonly client: ClientSecret;
  /** Whether the server accepts the token; undefined if it cannot be asked. */
  isLive(token: string): Promise<boolean | undefined>;
  /** Starts the stopped endpoint again; undefined if that is impossible. */
  readonly endOutage?: () => Promise<void>;
  /** Sets another client secret, if that is possible. @returns the value to store */
  changeSecret(): ClientSecret;
  close(): Promise<void>;
}

/** Starts two authorization servers on loopback, one of them offline. Tokens live an hour. */
export async function startLocalTokenServer(): Promise<TokenServer> {
  const clientId = 'e2e-client';
  const secretNumber = (number: number) => `e2e-canary-secret-${number}`;
  const clients = [{ clientId, clientSecret: secretNumber(1) }];
  const [server, dead] = [
    await startAuthorizationServer({ clients }),
    await startAuthorizationServer({ clients }),
  ];
  await dead.faults.goOffline();
  return {
    tokenUrl: server.tokenUrl,
    deadTokenUrl: dead.tokenUrl,
    client: { client_id: clientId, client_secret: secretNumber(1) },
    async isLive(token) {
      const answers = await Promise.all([server.introspect(token), dead.introspect(token)]);
      return answers.some(({ active }) => active);
    },
    endOutage: () => dead.faults.goOnline(),
    changeSecret() {
      for (const one of [server, dead]) one.replaceClientSecret(clientId, secretNumber(2));
      return { client_id: clientId, client_secret: secretNumber(2) };
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
      return (await fetch(probeUrl, { headers: { authorization: `Bearer ${token}` } })).ok;
    },
    changeSecret: () => client,
    close: async () => {},
  };
}
