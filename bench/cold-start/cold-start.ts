import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { eagerBytes, IDLE_BEAT_LIMIT_BYTES } from '../../local/bundle-size.ts';
import { openProcessHarness } from '../../local/process-harness.ts';
import { printTable } from '../table.ts';
import { buildCandidates, type Candidates } from './candidates.ts';
import { LIMITS } from './limits.ts';
import { type Measured, measure, type Run } from './measure.ts';
import { printClaims } from './report.ts';
import { median, pairedRatio, spread } from './statistics.ts';

const UNCOUNTED_ROUNDS = 3;

/** Measures whole processes: an empty one, an idle beat and a mint of ours, and of what people would otherwise deploy. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: { type: 'string', default: '40' } },
  });
  const rounds = Number(values.rounds);
  const candidates = buildCandidates();
  // Two harnesses: otherwise a rival's mint would leave a status with which the next idle beat mints.
  const idle = await openProcessHarness({ overTls: true });
  const minting = await openProcessHarness({ overTls: true, isDue: true });
  const runs = runsOf(candidates, idle.environment, minting.environment);
  const bar = new SingleBar(
    { format: '{bar} {value}/{total} processes, {eta_formatted} left' },
    Presets.legacy,
  );
  bar.start(runs.length * (rounds + UNCOUNTED_ROUNDS), 0);
  try {
    const measured = await measure({
      runs,
      rounds,
      uncountedRounds: UNCOUNTED_ROUNDS,
      onRun: () => bar.increment(),
    });
    bar.stop();
    return report(measured, rounds, eagerBytes(candidates.metafile));
  } finally {
    bar.stop();
    await Promise.all([idle.close(), minting.close()]);
  }
}

function runsOf(
  { ours, unbundled, naive }: Candidates,
  idle: Run['environment'],
  minting: Run['environment'],
): Run[] {
  const script = 'one-invocation.mjs';
  const beat = (name: string, file: string): Run => ({ name, script, args: [file, '{}'], environment: idle });
  const mint = (name: string, file: string): Run => ({
    name,
    script,
    args: [file, '{"force":true}'],
    environment: minting,
  });
  return [
    { name: 'empty process', script: 'empty.mjs', args: [], environment: idle },
    { name: 'nothing but reading its figures', script, args: [], environment: idle },
    beat('idle beat: this function', ours),
    beat('idle beat: naive bundle', naive),
    beat('idle beat: unbundled', unbundled),
    mint('mint: this function', ours),
    mint('mint: naive bundle', naive),
    mint('mint: unbundled', unbundled),
  ];
}

function report(measured: readonly Measured[], rounds: number, idleBytes: number): number {
  const wallOf = (name: string) => measured.find((one) => one.name === name)?.wallMs ?? [];
  const empty = wallOf('empty process');
  console.log(
    `Whole processes on Node.js ${process.version}, ${rounds} interleaved rounds, milliseconds and MiB\n`,
  );
  printTable(
    ['process', 'wall: min / median / max', 'of an empty one', 'CPU: min / median / max', 'peak memory'],
    measured.map(({ name, wallMs, cpuMs, memoryMiB }) => [
      name,
      spread(wallMs),
      pairedRatio(wallMs, empty).toFixed(2),
      cpuMs.length === 0 ? '' : spread(cpuMs),
      memoryMiB.length === 0 ? '' : median(memoryMiB).toFixed(0),
    ]),
  );
  return printClaims([
    { text: 'bytes loaded by an idle beat', value: idleBytes, atMost: IDLE_BEAT_LIMIT_BYTES },
    {
      text: 'idle beat, of an empty process',
      value: pairedRatio(wallOf('idle beat: this function'), empty),
      atMost: LIMITS.idleBeatOfAnEmptyProcess,
    },
    {
      text: 'cold mint, of the naive bundle',
      value: pairedRatio(wallOf('mint: this function'), wallOf('mint: naive bundle')),
      atMost: LIMITS.coldMintOfTheNaiveBundle,
    },
  ]);
}
