import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bundle } from '../../infra/bundle/bundle.ts';
import { eagerBytes, IDLE_BEAT_LIMIT_BYTES } from '../../local/budget.ts';
import { type Harness, openHarness } from '../../local/harness.ts';
import { printClaims, printTable } from '../report.ts';
import { measureForwarding } from './forwarding.ts';

/** The latency of each call of a mint, in milliseconds. Each call needs the one before. */
const LATENCY_MS = { aws: 20, token: 150, probe: 60 } as const;
const CHAIN_MS = 4 * LATENCY_MS.aws + LATENCY_MS.token + LATENCY_MS.probe;

/** A process makes this many mints in two weeks. */
const MANY_MINTS = 400;

/** Each a ratio of two things measured in this run, so that it holds on any machine. */
const LIMITS = {
  idleBeatOfAnEmptyProcess: 3.5,
  mintOfItsChain: 1.15,
  /** Lambda's own runtime needs memory too. */
  memoryOfTheFunction: 3 / 4,
  forwardedOfDirect: 4,
};

const FORCED = '{"force":true}';

/** Measures whole processes, a mint with scripted latency, memory after many mints, and forwarded calls. */
export async function run(args: readonly string[]): Promise<number> {
  const options = {
    rounds: { type: 'string', default: '30' },
    mints: { type: 'string', default: '30' },
    calls: { type: 'string', default: '400' },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  const harness = await openHarness({ overTls: true });
  try {
    await harness.invoke({});
    const cold = await measureProcesses(harness, Number(values.rounds));
    const many = await invoke(harness, 'invocations.mjs', FORCED, MANY_MINTS);
    addLatency(harness);
    const mint = await invoke(harness, 'invocations.mjs', FORCED, Number(values.mints));
    const calls = await measureForwarding(Number(values.calls));

    console.log(`Node.js ${process.version}, milliseconds: min / median / max\n`);
    printTable(
      ['', 'measured', 'beside', 'ratio'],
      [
        ['idle beat, whole process', cold.beat, 'an empty process', cold.empty],
        ['warm mint, scripted latency', mint.wallMs, `its chain of ${CHAIN_MS} ms`, [CHAIN_MS]],
        ['call that token-endpoint forwards', calls.forwarded, 'a direct call', calls.direct],
      ].map(([name, ours, reference, theirs]) => [
        String(name),
        spread(ours as number[]),
        `${reference}: ${spread(theirs as number[])}`,
        (median(ours as number[]) / median(theirs as number[])).toFixed(2),
      ]),
    );
    const { memoryMiB } = harness.fn;
    console.log(
      `Memory of a process after ${MANY_MINTS} mints: ${many.memoryMiB.toFixed(0)} MiB of ${memoryMiB}\n`,
    );
    return printClaims([
      { text: 'bytes loaded by an idle beat', value: idleBeatBytes(), atMost: IDLE_BEAT_LIMIT_BYTES },
      {
        text: 'idle beat, of an empty process',
        value: pairedRatio(cold.beat, cold.empty),
        atMost: LIMITS.idleBeatOfAnEmptyProcess,
      },
      {
        text: 'mint, of the chain of its requests',
        value: median(mint.wallMs) / CHAIN_MS,
        atMost: LIMITS.mintOfItsChain,
      },
      {
        text: 'memory after many mints, of the function’s',
        value: many.memoryMiB / memoryMiB,
        atMost: LIMITS.memoryOfTheFunction,
      },
      {
        text: 'forwarded call, of a direct one',
        value: median(calls.forwarded) / median(calls.direct),
        atMost: LIMITS.forwardedOfDirect,
      },
    ]);
  } finally {
    await harness.close();
  }
}

/** Runs both processes in turn, so that other load on the machine affects both. The first two rounds fill the file cache. */
async function measureProcesses(harness: Harness, rounds: number) {
  const [empty, beat]: [number[], number[]] = [[], []];
  for (let round = -2; round < rounds; round += 1) {
    const [emptyRun, beatRun] = [
      await invoke(harness, 'empty.mjs'),
      await invoke(harness, 'invocations.mjs', '{}', 1),
    ];
    if (round < 0) continue;
    empty.push(emptyRun.processMs);
    beat.push(beatRun.processMs);
  }
  return { empty, beat };
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
    // A getter, so that each request with the fault waits.
    authorizationServer.faults.always(endpoint, {
      kind: 'delay',
      get until() {
        return setTimeout(LATENCY_MS[endpoint]);
      },
    });
  }
}

function idleBeatBytes(): number {
  const directory = mkdtempSync(join(tmpdir(), 'token-refresher-bench-'));
  try {
    return eagerBytes(bundle(directory));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The middle value; of an even number of values the mean of the middle two. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The median of the ratios of values that were measured in the same round. */
function pairedRatio(values: readonly number[], references: readonly number[]): number {
  return median(values.map((value, index) => value / (references[index] ?? Number.NaN)));
}

/** `min / median / max` with one decimal. */
function spread(values: readonly number[]): string {
  return [Math.min(...values), median(values), Math.max(...values)]
    .map((value) => value.toFixed(1))
    .join(' / ');
}
