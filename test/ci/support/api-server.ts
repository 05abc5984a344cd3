import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A replacement for the contact centre's API: accepts tokens that the authorization server calls active. */
export interface ApiServer {
  readonly url: string;
  /** Each call, in order: its path, and whether the token was good. */
  readonly calls: { readonly path: string; readonly accepted: boolean }[];
  close(): Promise<void>;
}

/** Starts the API. `isActive` asks the authorization server about a token; each listing has three pages. */
export async function startApiServer(isActive: (token: string) => Promise<boolean>): Promise<ApiServer> {
  const calls: { path: string; accepted: boolean }[] = [];
  const server = createServer(async (request, response) => {
    const [scheme, token = ''] = (request.headers.authorization ?? '').split(' ');
    const accepted = scheme === 'Bearer' && (await isActive(token));
    const path = request.url ?? '';
    calls.push({ path, accepted });
    const pageNumber = Number(new URL(path, 'http://api').searchParams.get('pageNumber') ?? 1);
    response.writeHead(accepted ? 200 : 401, { 'content-type': 'application/json' });
    const entities = [{ id: `queue-${pageNumber}`, name: `Queue ${pageNumber}` }];
    const refusal = { status: 401, code: 'bad.credentials', message: 'Invalid login credentials.' };
    response.end(JSON.stringify(accepted ? { entities, pageNumber, pageCount: 3 } : refusal));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
