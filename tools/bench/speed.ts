import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Harness, openHarness } from '../../local/harness.ts';
import { measureForwarding } from './forwarding.ts';
import { printTable } from './report.ts';

/** The latency of each call of a mint, in milliseconds. Each call needs the one before. */
const LATENCY_MS = { aws: 20, token: 150, probe: 60 } as const;
const CHAIN_MS = 4 * LATENCY_MS.aws + LATENCY_MS.token + LATENCY_MS.probe;

/** How often each process is started, and a mint is measured. */
const ROUNDS = 30;

/** A process makes this many mints in two weeks. */
const MANY_MINTS = 400;

const FORCED = '{"force":true}';

/** Measures whole processes, a mint with scripted latency, memory after many mints, and forwarded calls. */
export async function run(): Promise<number> {
  const harness = await openHarness({ overTls: true });
  try {
    const cold = await measureIdleBeats();
    await harness.invoke({});
    const many = await invoke(harness, 'invocations.mjs', FORCED, MANY_MINTS);
    addLatency(harness);
    const mint = await invoke(harness, 'invocations.mjs', FORCED, ROUNDS);
    const calls = await measureForwarding(400);
    const { memoryMiB } = harness.fn;

    console.log(`Node.js ${process.version}, min / median / max\n`);
    // Ratios of two things measured in this run, so that they hold on any machine.
    const rows = [
      ['idle beat, whole process, ms', cold.beat, 'an empty process', cold.empty, 3.5],
      ['warm mint, scripted latency, ms', mint.wallMs, 'the chain of its requests', [CHAIN_MS], 1.15],
      // Lambda's own runtime needs memory too.
      [`after ${MANY_MINTS} mints, MiB`, [many.memoryMiB], 'the function’s memory', [memoryMiB], 3 / 4],
      ['call that token-endpoint forwards, ms', calls.forwarded, 'a direct call', calls.direct, 4],
    ] as const;
    printTable(
      ['', 'measured', 'beside', 'ratio', 'at most'],
      rows.map(([name, ours, reference, theirs, atMost]) => [
        name,
        spread(ours),
        `${reference}: ${spread(theirs)}`,
        pairedRatio(ours, theirs).toFixed(2),
        String(atMost),
      ]),
    );
    const broken = rows.filter(([, ours, , theirs, atMost]) => !(pairedRatio(ours, theirs) <= atMost));
    console.log(broken.length === 0 ? 'All limits hold.' : `Over the limit: ${broken.map(([name]) => name)}`);
    return broken.length === 0 ? 0 : 1;
  } finally {
    await harness.close();
  }
}

/**
 * Runs an idle beat and an empty process in turn, so that other load on the machine affects both. The first two rounds fill the
 * file cache. Without a probe: the first beat of a process would otherwise use the token, which is more than an idle beat.
 */
async function measureIdleBeats() {
  const harness = await openHarness({ overTls: true, token: () => ({ probeUrl: undefined }) });
  const measured: { empty: number[]; beat: number[] } = { empty: [], beat: [] };
  try {
    await harness.invoke({});
    for (let round = -2; round < ROUNDS; round += 1) {
      const empty = await invoke(harness, 'empty.mjs');
      const beat = await invoke(harness, 'invocations.mjs', '{}', 1);
      if (round < 0) continue;
      measured.empty.push(empty.processMs);
      measured.beat.push(beat.processMs);
    }
    return measured;
  } finally {
    await harness.close();
  }
}

/**
 * Invokes the function's bundle in one process of its own, again and again.
 *
 * @throws Error if an idle beat mints, or a mint does not
 */
async function invoke(harness: Harness, script: string, event = '{}', count = 0) {
  const args = [join(import.meta.dirname, script), join(harness.fn.codeDirectory, 'handler.mjs'), event];
  const startedAt = performance.now();
  let processMs = Number.NaN;
  const stderr = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      [...args, String(count)],
      { env: harness.process.environment, maxBuffer: 64 * 1024 * 1024 },
      (error, _stdout, stderr) => (error === null ? resolve(stderr) : reject(error)),
    ).on('exit', () => {
      processMs = performance.now() - startedAt;
    });
  });
  const written = JSON.parse(stderr || '{"invocations":[],"maxRssKiB":0}');
  const invocations: { outcome: string; wallMs: number }[] = written.invocations;
  const expected = event === FORCED ? 'refreshed' : 'still-fresh';
  const other = invocations.find(({ outcome }) => outcome !== expected);
  if (other !== undefined) throw new Error(`The outcome was ${other.outcome}, not ${expected}.`);
  return {
    processMs,
    wallMs: invocations.map(({ wallMs }) => wallMs),
    memoryMiB: written.maxRssKiB / 1024,
  };
}

/** Lets each call to AWS, to the token endpoint and to the probe take {@link LATENCY_MS} longer. */
function addLatency({ aws, authorizationServer }: Harness): void {
  aws.faults.hook('before-executing', {}, () => setTimeout(LATENCY_MS.aws));
  for (const endpoint of ['token', 'probe'] as const) {
    authorizationServer.faults.always(endpoint, {
      kind: 'delay',
      until: () => setTimeout(LATENCY_MS[endpoint]),
    });
  }
}

/** The middle value; of an even number of values the mean of the middle two. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The median of the ratios of values that were measured in the same round; or to the one reference. */
function pairedRatio(values: readonly number[], references: readonly number[]): number {
  return median(values.map((value, index) => value / (references[index] ?? references[0] ?? Number.NaN)));
}

/** `min / median / max` with one decimal. */
function spread(values: readonly number[]): string {
  return [Math.min(...values), median(values), Math.max(...values)]
    .map((value) => value.toFixed(1))
    .join(' / ');
}
