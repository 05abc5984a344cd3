import { RefreshError } from '../errors.ts';
import { connectionFailure } from '../mint/connection-failure.ts';
import type { HttpResponse, SendRequest } from '../mint/http.ts';
import { parseJsonObject } from '../mint/json-object.ts';
import { probeToken } from '../mint/probe.ts';
import { createAskForToken } from '../mint/token-endpoint.ts';
import type { Credentials, Provider, SecretRenewal } from '../providers/provider.ts';
import { ROTATED_KEYS } from './rotated-secret.ts';

const TIMEOUT_MS = 8_000;

/** How the OAuth clients are used and renewed at the provider. Each call rejects with a RefreshError. */
export interface OAuthClients {
  /** Requests a token. `secretArn`: where these credentials are stored, for the message. */
  authenticate(credentials: Credentials, secretArn: string): Promise<string>;
  /** Uses a token once. */
  prove(token: string): Promise<void>;
  /** The roles of a token's client; undefined if the provider does not tell them. */
  rolesOf(token: string): Promise<readonly string[] | undefined>;
  /** Makes a new secret of a client, with the admin client's token, and ends the old one. */
  renew(clientId: string, adminToken: string): Promise<string>;
}

/** Makes the adapter of one provider. */
export function openClients(options: {
  readonly provider: Provider & { readonly renewal: SecretRenewal };
  readonly send: SendRequest;
  readonly signal: AbortSignal;
}): OAuthClients {
  const { provider, send, signal } = options;
  const { renewal, probeUrl = renewal.rolesUrl } = provider;
  const request = (method: 'GET' | 'POST', url: string, token: string) =>
    send({
      method,
      url,
      headers: { accept: 'application/json', authorization: `Bearer ${token}` },
      signal,
      timeoutMs: TIMEOUT_MS,
    });
  return {
    async authenticate(credentials, secretArn) {
      const isRotated = 'idle_client_id' in credentials;
      const ask = createAskForToken({
        provider: { ...provider, ...(isRotated ? { secretKeys: ROTATED_KEYS } : {}) },
        secretArn,
        assumedLifetimeMs: TIMEOUT_MS,
        send,
        now: () => new Date(),
        timeoutMs: TIMEOUT_MS,
      });
      return (await ask(credentials, { signal })).accessToken;
    },
    async prove(accessToken) {
      const result = await probeToken({ accessToken, probeUrl, send, signal, timeoutMs: TIMEOUT_MS });
      if (result === 'accepted') return;
      throw new RefreshError(
        'TOKEN_UNUSABLE',
        `The API did not accept a token of the client that was renewed (${result}), so this client does not get its turn yet. Secrets Manager tries the rotation again.`,
      );
    },
    async rolesOf(token) {
      const answer = await request('GET', renewal.rolesUrl, token).catch(() => undefined);
      const json = answer?.status === 200 ? parseJsonObject(answer.body) : undefined;
      return json && renewal.readRoles(json);
    },
    async renew(clientId, adminToken) {
      const url = renewal.renewalUrl(clientId);
      const { host } = new URL(url);
      const answer = await request('POST', url, adminToken).catch((error: unknown) => {
        const { label, advice } = connectionFailure(error);
        throw notRenewed(`${host} gave no answer (${label}). ${advice}`);
      });
      const json = parseJsonObject(answer.body) ?? {};
      if (answer.status < 200 || answer.status >= 300)
        throw notRenewed(`${host} refused (HTTP ${answer.status}). ${adviceOf(answer, renewal)}`);
      const secret = renewal.readNewSecret(json);
      if (secret === undefined) throw notRenewed(`The answer of ${host} has no new secret.`);
      return secret;
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

function adviceOf({ status, body }: HttpResponse, { advice }: SecretRenewal): string {
  const isThrottled = status === 429 || (status === 400 && /rate limit/i.test(body));
  return advice[isThrottled ? 'throttled' : status] ?? "Check the provider's status page.";
}
