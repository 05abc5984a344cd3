import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Starts a replacement for the contact centre's API: it accepts tokens that are active; each listing has three pages. */
export async function startApiServer(isActive: (token: string) => Promise<boolean>) {
  /** Each call, in order: its path, and whether the token was good. */
  const calls: { readonly path: string; readonly accepted: boolean }[] = [];
  const server = createServer(async ({ headers, url: path = '' }, response) => {
    const token = /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1];
    const accepted = token !== undefined && (await isActive(token));
    calls.push({ path, accepted });
    const pageNumber = Number(new URL(path, 'http://api').searchParams.get('pageNumber') ?? 1);
    response.writeHead(accepted ? 200 : 401, { 'content-type': 'application/json' });
    const entities = [{ id: `queue-${pageNumber}`, name: `Queue ${pageNumber}` }];
    const refusal = { status: 401, code: 'bad.credentials', message: 'Invalid login credentials.' };
    response.end(JSON.stringify(accepted ? { entities, pageNumber, pageCount: 3 } : refusal));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}
