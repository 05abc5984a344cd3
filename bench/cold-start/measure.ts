import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** One kind of process that is measured. */
export interface Run {
  readonly name: string;
  /** File in `processes/`. */
  readonly script: 'empty.mjs' | 'one-invocation.mjs';
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The measurements of its processes, in the order of the rounds. */
export interface Measured extends Run {
  /** From the start of the process to its exit. */
  readonly wallMs: readonly number[];
  /** Processor time of all its threads; empty if not reported. */
  readonly cpuMs: readonly number[];
  /** The process's peak memory, in MiB; empty if not reported. */
  readonly memoryMiB: readonly number[];
}

/**
 * Runs each kind once per round, in an order that rotates with the rounds, so that other load on the machine affects all
 * kinds. The first rounds fill the file cache and are not counted.
 */
export async function measure(options: {
  readonly runs: readonly Run[];
  readonly rounds: number;
  readonly uncountedRounds: number;
  /** Arguments for `node`, or another program to run it with. */
  readonly command?: readonly string[];
  readonly onRun?: () => void;
}): Promise<Measured[]> {
  const { runs, rounds, uncountedRounds, command = [process.execPath] } = options;
  const measured = runs.map((run) => ({
    ...run,
    wallMs: [] as number[],
    cpuMs: [] as number[],
    memoryMiB: [] as number[],
  }));
  for (let round = -uncountedRounds; round < rounds; round += 1) {
    for (let index = 0; index < measured.length; index += 1) {
      const run = measured[(index + Math.abs(round)) % measured.length];
      if (run === undefined) continue;
      const { wallMs, cpuUs, maxRssKiB } = await runOnce(run, command);
      options.onRun?.();
      if (round < 0) continue;
      run.wallMs.push(wallMs);
      if (cpuUs !== undefined) run.cpuMs.push(cpuUs / 1000);
      if (maxRssKiB !== undefined) run.memoryMiB.push(maxRssKiB / 1024);
    }
  }
  return measured;
}

interface RunOnce {
  readonly wallMs: number;
  readonly cpuUs: number | undefined;
  readonly maxRssKiB: number | undefined;
}

function runOnce(run: Run, command: readonly string[]) {
  const [program = process.execPath, ...programArgs] = command;
  const script = fileURLToPath(new URL(`./processes/${run.script}`, import.meta.url));
  return new Promise<RunOnce>((resolve, reject) => {
    const startedAt = performance.now();
    let exitedAt = 0;
    let stderr = '';
    const child = spawn(program, [...programArgs, script, ...run.args], {
      env: run.environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('exit', () => {
      exitedAt = performance.now();
    });
    child.on('close', (code) => {
      const said = (what: string) => {
        const figure = new RegExp(`^${what} (\\d+)$`, 'm').exec(stderr)?.[1];
        return figure === undefined ? undefined : Number(figure);
      };
      if (code === 0)
        resolve({ wallMs: exitedAt - startedAt, cpuUs: said('cpu'), maxRssKiB: said('maxRSS') });
      else reject(new Error(`${run.name} ended with ${code}: ${stderr}`));
    });
  });
}
