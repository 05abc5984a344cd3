import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The memory at which Lambda gives a function one whole processor; less gives less in proportion. */
export const ONE_PROCESSOR_MIB = 1_769;

/** Lambda assigns processor time in slices of this length. */
const PERIOD_US = 20_000;

const CONTROLLER = '/sys/fs/cgroup/cpu';

/** A limit on the processor time of the processes that are started with it. */
export interface CpuQuota {
  /** The command that starts `node`. */
  readonly command: readonly string[];
  remove(): void;
}

/** Whether processor time can be limited on this machine (Linux, control groups of version 1, as root). */
export function canLimitCpu(): boolean {
  return existsSync(join(CONTROLLER, 'cpu.cfs_quota_us')) && process.getuid?.() === 0;
}

/**
 * Limits processes to the share of a processor that Lambda gives at this memory size.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
 */
export function limitCpu(memoryMiB: number): CpuQuota {
  const directory = join(CONTROLLER, `token-refresher-bench-${process.pid}-${memoryMiB}`);
  mkdirSync(directory);
  const quotaUs = Math.round((PERIOD_US * memoryMiB) / ONE_PROCESSOR_MIB);
  writeFileSync(join(directory, 'cpu.cfs_period_us'), String(PERIOD_US));
  writeFileSync(join(directory, 'cpu.cfs_quota_us'), String(quotaUs));
  return {
    command: ['/bin/sh', '-c', 'echo $$ > "$0/tasks" && exec "$@"', directory, process.execPath],
    remove() {
      if (readFileSync(join(directory, 'tasks'), 'utf8').trim() === '') rmdirSync(directory);
    },
  };
}
