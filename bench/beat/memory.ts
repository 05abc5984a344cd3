import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { openProcessHarness } from '../../local/process-harness.ts';
import { buildCandidates } from '../cold-start/candidates.ts';
import { measure, type Run } from '../cold-start/measure.ts';
import { printClaims } from '../cold-start/report.ts';
import { median, spread } from '../cold-start/statistics.ts';
import { readDefaultMemoryMiB } from '../scale/synthesized-stacks.ts';
import { printTable } from '../table.ts';
import { canLimitCpu, limitCpu, ONE_PROCESSOR_MIB } from './cpu-quota.ts';
import { type Durations, measureDurations } from './durations.ts';
import { invokeWarm } from './warm.ts';

const SIZES_MIB = [128, 192, 256, 384, 512, 1_024, ONE_PROCESSOR_MIB];

/** A mint is "not slower" if it takes at most this multiple of the time with a whole processor. */
const NOT_SLOWER = 1.1;

/** A process makes this many mints in two weeks. */
const MANY_MINTS = 400;

/** The greatest share of the memory size for a long-lived process: Lambda's own runtime needs memory too. */
const MEMORY_SHARE = 2 / 3;

/** Looks for the smallest memory size at which a mint is not slower, by Lambda's share of processor time at each. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { mints: { type: 'string', default: '30' } } });
  if (!canLimitCpu()) {
    console.error('Nothing was measured: limiting processor time needs Linux, cgroup v1 and root.');
    return 2;
  }
  const { ours: handlerFile } = buildCandidates();
  const bar = new SingleBar({ format: '{bar} {value}/{total} sizes, {eta_formatted} left' }, Presets.legacy);
  bar.start(SIZES_MIB.length * 2 + 1, 0);
  const onSize = () => bar.increment();
  const durations = await measureDurations({
    handlerFile,
    memorySizesMiB: SIZES_MIB,
    mints: Number(values.mints),
    onSize,
  });
  const cold = await measureColdMints(handlerFile, onSize);
  const peakMiB = await measurePeakMemory(handlerFile);
  onSize();
  bar.stop();
  return report(durations, cold, peakMiB);
}

async function measurePeakMemory(handlerFile: string): Promise<number> {
  const harness = await openProcessHarness({ isDue: true, hasProbe: true });
  try {
    const event = { force: true };
    const mints = { event, outcome: 'refreshed', uncounted: 0, counted: MANY_MINTS } as const;
    return (await invokeWarm({ harness, handlerFile, ...mints })).memoryMiB;
  } finally {
    await harness.close();
  }
}

/** Whole processes, without Lambda's boost while a function loads: slower than the real ones. */
async function measureColdMints(handlerFile: string, onSize: () => void): Promise<number[]> {
  const harness = await openProcessHarness({ isDue: true });
  const run: Run = {
    name: 'cold mint',
    script: 'one-invocation.mjs',
    args: [handlerFile, '{"force":true}'],
    environment: harness.environment,
  };
  try {
    const medians: number[] = [];
    for (const size of SIZES_MIB) {
      const quota = limitCpu(size);
      const [measured] = await measure({
        runs: [run],
        rounds: 7,
        uncountedRounds: 1,
        command: quota.command,
      });
      quota.remove();
      medians.push(median(measured?.wallMs ?? []));
      onSize();
    }
    return medians;
  } finally {
    await harness.close();
  }
}

function report(durations: readonly Durations[], cold: readonly number[], peakMiB: number): number {
  const whole = median(durations.find(({ memoryMiB }) => memoryMiB === ONE_PROCESSOR_MIB)?.mint.wallMs ?? []);
  const ratio = ({ mint }: Durations) => median(mint.wallMs) / whole;
  console.log(
    `Node.js ${process.version}, processor time limited to memory / ${ONE_PROCESSOR_MIB} MiB, milliseconds\n`,
  );
  printTable(
    ['memory, MiB', 'idle beat, warm', 'mint, warm', 'of a whole processor', 'mint, whole process'],
    durations.map((one, index) => [
      String(one.memoryMiB),
      spread(one.beat.wallMs),
      spread(one.mint.wallMs),
      ratio(one).toFixed(2),
      (cold[index] ?? Number.NaN).toFixed(0),
    ]),
  );
  const notSlower = durations.filter((one) => ratio(one) <= NOT_SLOWER).map(({ memoryMiB }) => memoryMiB);
  const holding = notSlower.find((memoryMiB) => peakMiB <= memoryMiB * MEMORY_SHARE);
  const configured = readDefaultMemoryMiB();
  console.log(`Smallest size at which a warm mint is not slower (within ${NOT_SLOWER}): ${notSlower[0]} MiB`);
  console.log(`Memory of a process after ${MANY_MINTS} mints: ${peakMiB.toFixed(0)} MiB`);
  console.log(`Smallest of those sizes with that at most two thirds of it: ${holding} MiB`);
  console.log(`The construct's default: ${configured} MiB\n`);
  const atDefault = durations.find(({ memoryMiB }) => memoryMiB === configured);
  return printClaims([
    {
      text: 'a mint at the default size, of one with a whole processor',
      value: atDefault === undefined ? Number.NaN : ratio(atDefault),
      atMost: NOT_SLOWER,
    },
    {
      text: 'memory after many mints, of the default size',
      value: peakMiB / configured,
      atMost: MEMORY_SHARE,
    },
  ]);
}
