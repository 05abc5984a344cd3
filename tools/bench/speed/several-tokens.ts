import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { metered } from '../../../test/ci/token-endpoint/support/genesys-api.ts';
import { openGateway } from '../../../test/ci/token-endpoint/support/job.ts';

/** The API's minute, shortened: 300 calls with each token in this time. */
const MINUTE_MS = 10_000;
/** The last minute is begun, not ended: so it does not matter when exactly a client ends. */
const MINUTES = 2.5;
const WORKERS = 10;

/**
 * Counts the calls of ten workers that wait as long as a 429 says: through token-endpoint with these names, or, with none,
 * to the API itself with four tokens, of which each worker has one.
 */
export async function countCalls(names: string | undefined): Promise<number> {
  const meter = metered(300, Date.now, MINUTE_MS);
  const { api, port, bearer, end } = await openGateway('token', meter.answer, { names: names ?? 'unused' });
  const ca = readFileSync(api.environment.NODE_EXTRA_CA_CERTS as string);
  const direct = new HttpsAgent({ keepAlive: true, ca, servername: api.host });
  const toGateway = new HttpAgent({ keepAlive: true });
  const options = { host: '127.0.0.1', path: '/api/v2/users/me' };
  const endsAt = Date.now() + MINUTES * MINUTE_MS;
  const work = async (_: unknown, worker: number): Promise<void> => {
    while (Date.now() < endsAt) {
      const token = names === undefined ? `token-${worker % 4}` : bearer;
      const headers = { authorization: `Bearer ${token}` };
      const outgoing =
        names === undefined
          ? httpsRequest({ ...options, headers, agent: direct, port: api.port })
          : httpRequest({ ...options, headers, agent: toGateway, port });
      outgoing.end();
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
      answer.resume();
      await once(answer, 'end');
      if (answer.statusCode === 429) await sleep(Number(answer.headers['retry-after']) * 1000);
    }
  };
  try {
    await Promise.all(Array.from({ length: WORKERS }, work));
    return meter.counted.good;
  } finally {
    direct.destroy();
    toGateway.destroy();
    await end();
  }
}
