import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ClientRegistry } from './clients.ts';
import type { Answer, Introspection } from './issuer-client.ts';

/** The part of Genesys Cloud's API that renews client secrets. */
export const RENEWAL_PATH = /^\/api\/v2\/oauth\/clients\/([^/]+)\/secret$/;

interface Options {
  readonly clients: ClientRegistry;
  readonly inspect: (token: string) => Promise<Introspection>;
  readonly endTokens: (clientId: string) => Promise<void>;
}

/** An answer with a JSON body. */
export function json(status: number, body: unknown): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  };
}

export const BAD_CREDENTIALS = json(401, {
  code: 'bad.credentials',
  status: 401,
  message: 'Invalid login credentials.',
});

/** The client whose token a request carries; undefined if that is not active. */
export async function callerOf(
  { inspect }: Pick<Options, 'inspect'>,
  { headers }: IncomingMessage,
): Promise<string | undefined> {
  const token = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const facts = token === undefined ? { active: false } : await inspect(token);
  return facts.active ? facts.client_id : undefined;
}

/** Makes a new secret of a client. The old one ends at once, and every token of the client with it: nobody documents that they live on. */
export async function renewSecret(options: Options, request: IncomingMessage, path: string): Promise<Answer> {
  const { clients, endTokens } = options;
  const admin = await callerOf(options, request);
  const clientId = decodeURIComponent(RENEWAL_PATH.exec(path)?.[1] ?? '');
  if (request.method !== 'POST' || admin === undefined) return BAD_CREDENTIALS;
  if (!clients.find(admin)?.mayEditClients) {
    return json(403, { code: 'missing.permissions', status: 403, message: 'oauth:client:edit' });
  }
  if (clients.find(clientId) === undefined) return json(404, { code: 'not.found', status: 404 });
  const secret = randomBytes(24).toString('base64url');
  clients.replaceClientSecret(clientId, secret);
  await endTokens(clientId);
  return json(200, { id: clientId, name: clientId, secret });
}

/** Tells the roles of the client whose token it gets. */
export async function tellRoles(options: Options, request: IncomingMessage): Promise<Answer> {
  const clientId = await callerOf(options, request);
  if (clientId === undefined) return BAD_CREDENTIALS;
  const roles = options.clients.find(clientId)?.roles;
  if (roles === undefined) return json(403, { code: 'missing.permissions', status: 403 });
  return json(200, { id: clientId, grants: roles.map((id) => ({ role: { id }, division: { id: 'home' } })) });
}
