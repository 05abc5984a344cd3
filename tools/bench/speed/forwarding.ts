import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { metered } from '../../../test/ci/token-endpoint/support/genesys-api.ts';
import { openGateway } from '../../../test/ci/token-endpoint/support/job.ts';

const TOKEN = 'token-of-the-bench';
const BODY = Buffer.from(JSON.stringify({ name: 'x'.repeat(4000) }));
const UNCOUNTED = 50;

/** The API's minute, shortened: 300 calls with each token in this time. */
const MINUTE_MS = 10_000;
/** The last minute is begun, not ended: so it does not matter when exactly a client ends. */
const MINUTES = 2.5;
const WORKERS = 10;

/**
 * Measures calls that token-endpoint forwards, and direct ones, in turns: POST with 4 KB to an API over TLS on this machine,
 * so that only the gateway differs.
 */
export async function measureForwarding(calls: number) {
  const { direct, forwarded, end } = await openWays(await openGateway(TOKEN));
  const options = {
    path: '/api/v2/routing/queues?pageNumber=1',
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-length': BODY.length },
  };
  const measured: { direct: number[]; forwarded: number[] } = { direct: [], forwarded: [] };
  try {
    for (let call = -UNCOUNTED; call < calls; call += 1) {
      for (const [name, way] of Object.entries({ direct, forwarded })) {
        const startedAt = performance.now();
        const { statusCode } = await finish(way(options), BODY);
        if (statusCode !== 200) throw new Error(`The call was answered with ${statusCode}.`);
        if (call >= 0) measured[name as keyof typeof measured].push(performance.now() - startedAt);
      }
    }
    return measured;
  } finally {
    await end();
  }
}

/**
 * Counts the calls of ten workers that wait as long as a 429 says: through token-endpoint with these names, or, with none,
 * to the API itself with four tokens, of which each worker has one.
 */
export async function countCalls(names: string | undefined): Promise<number> {
  const meter = metered(300, Date.now, MINUTE_MS);
  const gateway = await openGateway('token', meter.answer, { names: names ?? 'unused' });
  const { direct, forwarded, end } = await openWays(gateway);
  const endsAt = Date.now() + MINUTES * MINUTE_MS;
  const work = async (_: unknown, worker: number): Promise<void> => {
    const [way, token] =
      names === undefined ? [direct, `token-${worker % 4}`] : ([forwarded, gateway.bearer] as const);
    const options = { path: '/api/v2/users/me', headers: { authorization: `Bearer ${token}` } };
    while (Date.now() < endsAt) {
      const { statusCode, headers } = await finish(way(options));
      if (statusCode === 429) await sleep(Number(headers['retry-after']) * 1000);
    }
  };
  try {
    await Promise.all(Array.from({ length: WORKERS }, work));
    return meter.counted.good;
  } finally {
    await end();
  }
}

/** The two ways to the API: directly, and through the gateway. Connections are kept. */
async function openWays({ api, port, end }: Awaited<ReturnType<typeof openGateway>>) {
  const ca = readFileSync(api.environment.NODE_EXTRA_CA_CERTS as string);
  const toApi = new HttpsAgent({ keepAlive: true, ca, servername: api.host });
  const toGateway = new HttpAgent({ keepAlive: true });
  return {
    direct: (options: object) =>
      httpsRequest({ host: '127.0.0.1', port: api.port, agent: toApi, ...options }),
    forwarded: (options: object) => httpRequest({ host: '127.0.0.1', port, agent: toGateway, ...options }),
    end: async () => {
      toApi.destroy();
      toGateway.destroy();
      await end();
    },
  };
}

async function finish(outgoing: ClientRequest, body?: Buffer): Promise<IncomingMessage> {
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return answer;
}
