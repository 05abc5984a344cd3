import { openProcessHarness, type ProcessHarness } from '../../local/process-harness.ts';
import { canLimitCpu, limitCpu } from './cpu-quota.ts';
import { addLatency } from './latency.ts';
import { invokeWarm, type Warm } from './warm.ts';

/** The durations of a beat and of a mint at one memory size, with scripted latency. */
export interface Durations {
  readonly memoryMiB: number;
  readonly beat: Warm;
  readonly mint: Warm;
}

/** Measures warm idle beats and mints at each memory size; at the machine's full speed if it cannot be limited. */
export async function measureDurations(options: {
  readonly handlerFile: string;
  readonly memorySizesMiB: readonly number[];
  readonly mints: number;
  readonly onSize?: () => void;
}): Promise<Durations[]> {
  const idle = await openProcessHarness();
  const due = await openProcessHarness({ isDue: true, hasProbe: true });
  addLatency(idle);
  addLatency(due);
  try {
    const durations: Durations[] = [];
    for (const memoryMiB of options.memorySizesMiB) {
      durations.push(await measureSize(options, memoryMiB, idle, due));
      options.onSize?.();
    }
    return durations;
  } finally {
    await Promise.all([idle.close(), due.close()]);
  }
}

async function measureSize(
  { handlerFile, mints }: { readonly handlerFile: string; readonly mints: number },
  memoryMiB: number,
  idle: ProcessHarness,
  due: ProcessHarness,
): Promise<Durations> {
  const quota = canLimitCpu() ? limitCpu(memoryMiB) : undefined;
  const command = quota?.command ?? [process.execPath];
  try {
    const common = { handlerFile, uncounted: 10, counted: mints, command };
    return {
      memoryMiB,
      beat: await invokeWarm({ ...common, harness: idle, event: {}, outcome: 'still-fresh' }),
      mint: await invokeWarm({ ...common, harness: due, event: { force: true }, outcome: 'refreshed' }),
    };
  } finally {
    quota?.remove();
  }
}
