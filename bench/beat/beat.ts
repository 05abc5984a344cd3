import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { openProcessHarness } from '../../local/process-harness.ts';
import { buildCandidates } from '../cold-start/candidates.ts';
import { printClaims } from '../cold-start/report.ts';
import { median, spread } from '../cold-start/statistics.ts';
import { printTable } from '../table.ts';
import { addLatency, LATENCY_MS, MINT_CHAIN_MS } from './latency.ts';
import { invokeWarm, type Warm } from './warm.ts';

/** Measures a warm process: the idle beat and the mint, without a network and with one of scripted latency. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { mints: { type: 'string', default: '40' } } });
  const { ours: handlerFile } = buildCandidates();
  const mints = Number(values.mints);
  const bar = new SingleBar({ format: '{bar} {value}/{total} processes' }, Presets.legacy);
  bar.start(3, 0);
  const idle = await openProcessHarness();
  const near = await openProcessHarness({ isDue: true, hasProbe: true });
  const far = await openProcessHarness({ isDue: true, hasProbe: true });
  addLatency(far);
  try {
    const beat = await invokeWarm({
      harness: idle,
      handlerFile,
      event: {},
      outcome: 'still-fresh',
      uncounted: 50,
      counted: mints * 10,
    });
    bar.increment();
    const forced = { handlerFile, event: { force: true }, outcome: 'refreshed', uncounted: 10 } as const;
    const mint = await invokeWarm({ ...forced, harness: near, counted: mints });
    bar.increment();
    const farMint = await invokeWarm({ ...forced, harness: far, counted: mints });
    bar.increment();
    bar.stop();
    return report({ beat, mint, farMint });
  } finally {
    bar.stop();
    await Promise.all([idle, near, far].map((harness) => harness.close()));
  }
}

function report({ beat, mint, farMint }: Record<'beat' | 'mint' | 'farMint', Warm>): number {
  console.log(`One warm process on Node.js ${process.version}, milliseconds: min / median / max\n`);
  const row = (name: string, one: Warm) => [
    name,
    spread(one.wallMs),
    spread(one.cpuMs),
    one.awsCalls.toFixed(2),
    one.tokenRequests.toFixed(2),
    one.probes.toFixed(2),
  ];
  printTable(
    ['invocation', 'wall', 'CPU', 'AWS calls', 'token requests', 'probes'],
    [
      row('idle beat, no network', beat),
      row('mint, no network', mint),
      row('mint, scripted latency', farMint),
    ],
  );
  console.log(
    `Scripted latency: ${LATENCY_MS.aws} ms for each of 4 AWS calls + ${LATENCY_MS.tokenEndpoint} token endpoint + ${LATENCY_MS.probe} probe = ${MINT_CHAIN_MS} ms. Each call needs the one before.\n`,
  );
  return printClaims([
    { text: 'AWS calls of an idle beat', value: beat.awsCalls, atMost: 1 },
    { text: 'AWS calls of a mint', value: farMint.awsCalls, atMost: 4 },
    { text: 'token requests of a mint', value: farMint.tokenRequests, atMost: 1 },
    { text: 'probes of a mint', value: farMint.probes, atMost: 1 },
    {
      text: 'a mint, of the chain of its calls',
      value: median(farMint.wallMs) / MINT_CHAIN_MS,
      atMost: 1.15,
    },
  ]);
}
