import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProcessHarness } from '../../local/process-harness.ts';

/** The durations of one warm process's invocations, and their average number of calls. */
export interface Warm {
  readonly wallMs: readonly number[];
  readonly cpuMs: readonly number[];
  /** The process's peak memory. */
  readonly memoryMiB: number;
  readonly awsCalls: number;
  readonly tokenRequests: number;
  readonly probes: number;
}

/** The output of the process. */
interface Written {
  readonly invocations: readonly { outcome: string; wallMs: number; cpuMs: number }[];
  readonly maxRssKiB: number;
}

const SCRIPT = fileURLToPath(new URL('./warm-invocations.mjs', import.meta.url));

/**
 * Invokes the bundle in one process again and again with the same event.
 *
 * @param options `uncounted`: invocations before those that count; their calls do not count either
 * @throws Error if an invocation fails or has another outcome
 */
export async function invokeWarm(options: {
  readonly harness: ProcessHarness;
  readonly handlerFile: string;
  readonly event: object;
  readonly outcome: 'refreshed' | 'still-fresh';
  readonly uncounted: number;
  readonly counted: number;
  /** The command that starts `node`. @default this process's own */
  readonly command?: readonly string[];
}): Promise<Warm> {
  const { harness, handlerFile, event, outcome, uncounted, counted } = options;
  const [program = process.execPath, ...programArgs] = options.command ?? [];
  const { aws, server } = harness;
  const calls = () => ({
    awsCalls: aws.requests.length,
    tokenRequests: server.requests.length,
    probes: server.probes.length,
  });
  const before = calls();
  const stderr = await new Promise<string>((resolve, reject) => {
    execFile(
      program,
      [...programArgs, SCRIPT, handlerFile, JSON.stringify(event), String(uncounted), String(counted)],
      { env: harness.environment, maxBuffer: 64 * 1024 * 1024 },
      (error, _stdout, stderr) => (error === null ? resolve(stderr) : reject(error)),
    );
  });
  const { invocations, maxRssKiB }: Written = JSON.parse(stderr);
  const other = invocations.find((one) => one.outcome !== outcome);
  if (other !== undefined) throw new Error(`An invocation's outcome was ${other.outcome}, not ${outcome}.`);
  const after = calls();
  const each = (name: keyof typeof before) => (after[name] - before[name]) / (uncounted + counted);
  return {
    wallMs: invocations.map(({ wallMs }) => wallMs),
    cpuMs: invocations.map(({ cpuMs }) => cpuMs),
    memoryMiB: maxRssKiB / 1024,
    awsCalls: each('awsCalls'),
    tokenRequests: each('tokenRequests'),
    probes: each('probes'),
  };
}
