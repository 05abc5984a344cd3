import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';
import type { ClientRegistry } from './clients.ts';

/**
 * Creates oidc-provider's storage inside this process. Clients are read from the registry each time, and a
 * provider that is closed takes its tokens with it. Expiry is oidc-provider's own business: it checks `exp`.
 *
 * Only what the client credentials and the password grant need is stored; the calls that belong to sessions,
 * user codes and grants of users are never made and say so.
 */
export function createMemoryAdapter(clients: ClientRegistry): AdapterFactory {
  return (model): Adapter => {
    const stored = new Map<string, AdapterPayload>();
    const unused = (): never => {
      throw new Error(`The local authorization server has no users, so it stores no ${model} of theirs.`);
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
