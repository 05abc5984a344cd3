import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { parseArgs } from 'node:util';
import { echo, startGenesysApi } from '../../test/ci/token-endpoint/support/genesys-api.ts';
import { startJob } from '../../test/ci/token-endpoint/support/job.ts';
import { createStoredTokenDirectory } from '../../test/ci/token-endpoint/support/stored-token.ts';
import { printTable } from '../table.ts';

const TOKEN = 'token-of-the-bench';
const PATH = '/api/v2/routing/queues?pageNumber=1';
const BODY = Buffer.from(JSON.stringify({ name: 'x'.repeat(4000) }));
const ROUNDS = 5;
const PARALLEL = 16;

/** Sends one call and returns its status. */
type Call = () => Promise<number>;

/** The results of one way of calling. */
interface Measured {
  readonly latenciesMs: number[];
  callsPerSecond: number[];
  failures: number;
}

/**
 * Compares calls that token-endpoint forwards with direct calls, in one run and in turns: POST with 4 KB to an API over TLS
 * on this machine, so that only the gateway differs.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { calls: { type: 'string', default: '400' } } });
  const callsPerRound = Number(values.calls);
  const stored = createStoredTokenDirectory();
  stored.store(TOKEN);
  const api = await startGenesysApi(echo);
  const job = await startJob({
    program: stored.program,
    args: ['bench', '--genesys-region', 'eu-central-1'],
    env: api.environment,
  });
  const direct = new HttpsAgent({
    keepAlive: true,
    ca: readFileSync(api.environment.NODE_EXTRA_CA_CERTS as string),
    servername: api.host,
  });
  const toGateway = new HttpAgent({ keepAlive: true });
  try {
    await job.requestToken();
    const options = {
      host: '127.0.0.1',
      path: PATH,
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-length': BODY.length },
    };
    const ways: readonly [string, Call, Measured][] = [
      [
        'made directly',
        async () => finish(httpsRequest({ ...options, agent: direct, port: api.port })),
        { latenciesMs: [], callsPerSecond: [], failures: 0 },
      ],
      [
        'forwarded',
        async () =>
          finish(
            httpRequest({
              ...options,
              agent: toGateway,
              port: job.port,
              headers: { ...options.headers, host: `127.0.0.1:${job.port}` },
            }),
          ),
        { latenciesMs: [], callsPerSecond: [], failures: 0 },
      ],
    ];
    // Uncounted: connections and compiled code.
    for (const [, call] of ways) for (let warm = 0; warm < 50; warm += 1) await call();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [, call, measured] of ways) await measure(call, callsPerRound, measured);
    }
    return report(ways.map(([name, , measured]) => [name, measured]));
  } finally {
    direct.destroy();
    toGateway.destroy();
    await job.end();
    await api.close();
    stored.remove();
  }
}

async function finish(outgoing: ReturnType<typeof httpRequest>): Promise<number> {
  outgoing.end(BODY);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return answer.statusCode ?? 0;
}

/** One after the other for the latency, then in parallel for the throughput. */
async function measure(call: Call, calls: number, measured: Measured): Promise<void> {
  for (let count = 0; count < calls; count += 1) {
    const startMs = performance.now();
    if ((await call()) !== 200) measured.failures += 1;
    measured.latenciesMs.push(performance.now() - startMs);
  }
  const startMs = performance.now();
  const lane = async (): Promise<void> => {
    for (let count = 0; count < calls / PARALLEL; count += 1)
      if ((await call()) !== 200) measured.failures += 1;
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  measured.callsPerSecond.push(
    (Math.ceil(calls / PARALLEL) * PARALLEL * 1000) / (performance.now() - startMs),
  );
}

function report(ways: readonly (readonly [string, Measured])[]): number {
  console.log(`POST with ${BODY.length} bytes, Node.js ${process.version}, API and client on this machine\n`);
  printTable(
    ['call', 'median ms', '95 % ms', '99 % ms', `calls/s, ${PARALLEL} at once`, 'calls', 'failed'],
    ways.map(([name, { latenciesMs, callsPerSecond, failures }]) => {
      const at = (share: number): string => {
        const sorted = latenciesMs.toSorted((a, b) => a - b);
        return (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(2);
      };
      const throughput = callsPerSecond.toSorted((a, b) => a - b)[Math.floor(callsPerSecond.length / 2)] ?? 0;
      return [
        name,
        at(0.5),
        at(0.95),
        at(0.99),
        throughput.toFixed(0),
        String(latenciesMs.length * 2),
        String(failures),
      ];
    }),
  );
  return ways.some(([, { failures }]) => failures > 0) ? 1 : 0;
}
