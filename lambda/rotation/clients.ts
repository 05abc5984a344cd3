import { RefreshError } from '../errors.ts';
import { connectionFailure } from '../mint/connection-failure.ts';
import type { HttpResponse, SendRequest } from '../mint/http.ts';
import { parseJsonObject } from '../mint/json-object.ts';
import { probeToken } from '../mint/probe.ts';
import { createAskForToken } from '../mint/token-endpoint.ts';
import type { Credentials, Provider } from '../providers/provider.ts';
import { ROTATED_KEYS } from './rotated-secret.ts';

const TIMEOUT_MS = 8_000;

/** What to do, by the HTTP status of a refusal. */
const ADVICE: Readonly<Partial<Record<number, string>>> = {
  401: 'The API does not accept the token that the admin client has just got: check in Genesys Cloud (Admin, Integrations, OAuth) that it is active, and its region.',
  403: 'The admin client lacks the permission oauth:client:edit: give it a role with this permission, and no other.',
  404: 'There is no OAuth client with the id in idle_client_id: correct the secret.',
  429: 'Genesys Cloud limits the rate of requests: Secrets Manager tries again later.',
};

/** How the OAuth clients are used and renewed at the provider. Each call rejects with a RefreshError. */
export type OAuthClients = ReturnType<typeof openClients>;

/**
 * Makes the adapter of Genesys Cloud's API. A new secret is in the answer once, and ends the old one. The admin client needs
 * `oauth:client:edit`, and nothing else; whoever asks for its own roles needs no permission.
 *
 * @see https://developer.genesys.cloud/devapps/api-explorer: POST /api/v2/oauth/clients/{clientId}/secret
 * @see https://developer.genesys.cloud/devapps/api-explorer: GET /api/v2/authorization/subjects/me
 */
export function openClients(options: {
  readonly provider: Provider;
  readonly api: string;
  readonly send: SendRequest;
  readonly signal: AbortSignal;
}) {
  const { provider, api, send, signal } = options;
  const rolesUrl = `${api}/api/v2/authorization/subjects/me`;
  const { probeUrl = rolesUrl } = provider;
  const request = (method: 'GET' | 'POST', url: string, token: string) =>
    send({
      method,
      url,
      headers: { accept: 'application/json', authorization: `Bearer ${token}` },
      signal,
      timeoutMs: TIMEOUT_MS,
    });
  return {
    /** Requests a token. `secretArn`: where these credentials are stored, for the message. */
    async authenticate(credentials: Credentials, secretArn: string): Promise<string> {
      const isRotated = 'idle_client_id' in credentials;
      const ask = createAskForToken({
        provider: isRotated ? { ...provider, secretKeys: ROTATED_KEYS } : provider,
        secretArn,
        assumedLifetimeMs: TIMEOUT_MS,
        send,
        now: () => new Date(),
        timeoutMs: TIMEOUT_MS,
      });
      return (await ask(credentials, { signal })).accessToken;
    },
    /** Uses a token once. */
    async prove(accessToken: string): Promise<void> {
      const result = await probeToken({ accessToken, probeUrl, send, signal, timeoutMs: TIMEOUT_MS });
      if (result === 'accepted') return;
      throw new RefreshError(
        'TOKEN_UNUSABLE',
        `The API did not accept a token of the client that was renewed (${result}), so this client does not get its turn yet. Secrets Manager tries the rotation again.`,
      );
    },
    /** The roles of a token's client; undefined if the provider does not tell them. */
    async rolesOf(token: string): Promise<readonly string[] | undefined> {
      const answer = await request('GET', rolesUrl, token).catch(() => undefined);
      const grants = answer?.status === 200 ? parseJsonObject(answer.body)?.grants : undefined;
      return Array.isArray(grants)
        ? grants.map(({ role, division } = {}) => JSON.stringify([role?.id, division?.id])).sort()
        : undefined;
    },
    /** Makes a new secret of a client, with the admin client's token, and ends the old one. */
    async renew(clientId: string, adminToken: string): Promise<string> {
      const url = `${api}/api/v2/oauth/clients/${encodeURIComponent(clientId)}/secret`;
      const { host } = new URL(url);
      const answer = await request('POST', url, adminToken).catch((error: unknown) => {
        const { label, advice } = connectionFailure(error);
        throw notRenewed(`${host} gave no answer (${label}). ${advice}`);
      });
      if (answer.status < 200 || answer.status >= 300)
        throw notRenewed(`${host} refused (HTTP ${answer.status}). ${adviceOf(answer)}`);
      const secret = parseJsonObject(answer.body)?.secret;
      if (typeof secret === 'string' && secret !== '') return secret;
      throw notRenewed(`The answer of ${host} has no new secret.`);
    },
  };
}

/** Of what the server wrote, nothing is repeated. */
function notRenewed(why: string): RefreshError {
  return new RefreshError(
    'SECRET_NOT_RENEWED',
    `The secret of the idle client was not renewed. ${why} The client that mints is as it was. The next try renews the idle one again.`,
  );
}

function adviceOf({ status, body }: HttpResponse): string {
  const isThrottled = status === 400 && /rate limit/i.test(body);
  return ADVICE[isThrottled ? 429 : status] ?? "Check the provider's status page.";
}
