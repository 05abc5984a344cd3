import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';
import type { ClientRegistry } from './clients.ts';

/**
 * Creates oidc-provider's storage in memory. Clients are read from the registry each time. Tokens are lost when the
 * provider is closed. oidc-provider itself checks `exp`.
 *
 * Stores only what the client credentials and the password grant need. Calls for sessions, user codes and users' grants
 * throw.
 */
export function createMemoryAdapter(clients: ClientRegistry): AdapterFactory {
  return (model): Adapter => {
    const stored = new Map<string, AdapterPayload>();
    const unused = (): never => {
      throw new Error(`The local authorization server has no users, and stores no ${model}.`);
    };
    return {
      async find(id) {
        return model === 'Client' ? clients.metadata(id) : stored.get(id);
      },
      async upsert(id, payload) {
        stored.set(id, payload);
      },
      async destroy(id) {
        stored.delete(id);
      },
      async consume(id) {
        const payload = stored.get(id);
        if (payload !== undefined) payload.consumed = true;
      },
      findByUid: unused,
      findByUserCode: unused,
      revokeByGrantId: unused,
    };
  };
}
