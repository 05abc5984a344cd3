import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { openGateway } from '../../test/ci/token-endpoint/support/job.ts';

const TOKEN = 'token-of-the-bench';
const BODY = Buffer.from(JSON.stringify({ name: 'x'.repeat(4000) }));
const UNCOUNTED = 50;

/**
 * Measures calls that token-endpoint forwards, and direct ones, in turns: POST with 4 KB to an API over TLS on this machine,
 * so that only the gateway differs.
 */
export async function measureForwarding(calls: number) {
  const { api, port, end } = await openGateway(TOKEN);
  const ca = readFileSync(api.environment.NODE_EXTRA_CA_CERTS as string);
  const direct = new HttpsAgent({ keepAlive: true, ca, servername: api.host });
  const toGateway = new HttpAgent({ keepAlive: true });
  const options = {
    host: '127.0.0.1',
    path: '/api/v2/routing/queues?pageNumber=1',
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-length': BODY.length },
  };
  const ways = {
    direct: () => httpsRequest({ ...options, agent: direct, port: api.port }),
    forwarded: () => httpRequest({ ...options, agent: toGateway, port }),
  };
  const measured: Record<keyof typeof ways, number[]> = { direct: [], forwarded: [] };
  try {
    for (let call = -UNCOUNTED; call < calls; call += 1) {
      for (const way of ['direct', 'forwarded'] as const) {
        const startedAt = performance.now();
        await finish(ways[way]());
        if (call >= 0) measured[way].push(performance.now() - startedAt);
      }
    }
    return measured;
  } finally {
    direct.destroy();
    toGateway.destroy();
    await end();
  }
}

async function finish(outgoing: ReturnType<typeof httpRequest>): Promise<void> {
  outgoing.end(BODY);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  if (answer.statusCode !== 200) throw new Error(`The call was answered with ${answer.statusCode}.`);
}
