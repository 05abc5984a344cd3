import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { MAX_TOKENS } from '../../infra/configuration/tokens-configuration.ts';
import { RESOURCES_PER_TOKEN_LIMIT } from '../../local/resource-budget.ts';
import { measureDurations } from '../beat/durations.ts';
import { LATENCY_MS, MINT_CHAIN_MS } from '../beat/latency.ts';
import { buildCandidates } from '../cold-start/candidates.ts';
import { printClaims } from '../cold-start/report.ts';
import { median } from '../cold-start/statistics.ts';
import { printTable } from '../table.ts';
import { type CostInputs, costOfSchedules, costsOfOptions, costsOfToken, mintLoads } from './costs.ts';
import { readDefaultMemoryMiB, type SynthesizedStacks, synthesizeStacks } from './synthesized-stacks.ts';

const TOKEN_COUNTS = [1, 2, 10, 16, 50];

/** CloudFormation's limit for a stack. */
const MAX_RESOURCES = 500;

/** Parameter Store's reads per second of an account and region, unless raised. */
const READS_PER_SECOND = 40;

/** Our log line and Lambda's three (START, END, REPORT), and the 26 bytes that CloudWatch adds to each. */
const LOG_BYTES_PER_BEAT = 550 + 300 + 4 * 26;

/** Synthesizes stacks of 1 to 50 tokens, and computes the load and the costs of many tokens. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { mints: { type: 'string', default: '30' } } });
  const bar = new SingleBar({ format: '{bar} {value}/{total} steps, {eta_formatted} left' }, Presets.legacy);
  bar.start(TOKEN_COUNTS.length + 2, 0);
  // The first one loads the CDK and bundles, and is not counted.
  synthesizeStacks(1);
  bar.increment();
  const stacks = TOKEN_COUNTS.map((count) => {
    const synthesized = synthesizeStacks(count);
    bar.increment();
    return synthesized;
  });
  const memoryMiB = readDefaultMemoryMiB();
  const { ours: handlerFile } = buildCandidates();
  const [durations] = await measureDurations({
    handlerFile,
    memorySizesMiB: [memoryMiB],
    mints: Number(values.mints),
  });
  bar.increment();
  bar.stop();

  const perToken = reportStacks(stacks);
  reportLoad();
  const [single] = stacks;
  reportCosts({
    memoryMiB,
    beatMs: median(durations?.beat.wallMs ?? []),
    mintMs: median(durations?.mint.wallMs ?? []),
    refreshIntervalMinutes: 50,
    alarmsPerToken: single?.alarms ?? Number.NaN,
    logBytesPerBeat: LOG_BYTES_PER_BEAT,
  });
  const largest = stacks.find(({ tokens }) => tokens === MAX_TOKENS);
  return printClaims([
    {
      text: 'resources of the largest stack',
      value: largest?.resources ?? Number.NaN,
      atMost: MAX_RESOURCES,
    },
    { text: 'resources per token', value: perToken, atMost: RESOURCES_PER_TOKEN_LIMIT },
    { text: 'alarms and metrics per token', value: (single?.alarms ?? Number.NaN) + 1, atMost: 3 },
  ]);
}

function reportStacks(stacks: readonly SynthesizedStacks[]): number {
  console.log(
    'Default configuration, one process; "resources" and "template" are those of the largest stack\n',
  );
  printTable(
    ['tokens', 'stacks', 'synth, ms', 'resources', 'template, KB'],
    stacks.map((one) => [
      String(one.tokens),
      String(one.stacks),
      one.synthMs.toFixed(0),
      String(one.resources),
      (one.templateBytes / 1000).toFixed(1),
    ]),
  );
  const resourcesOf = (count: number) =>
    stacks.find(({ tokens }) => tokens === count)?.resources ?? Number.NaN;
  const perToken = resourcesOf(2) - resourcesOf(1);
  const shared = resourcesOf(1) - perToken;
  const fitting = Math.floor((MAX_RESOURCES - shared) / perToken);
  console.log(
    `${perToken} resources per token and ${shared} per stack: ${fitting} tokens would fit into ${MAX_RESOURCES} resources. A stack takes ${MAX_TOKENS},`,
  );
  console.log('because the policies of so many fit into the role of its deployment function.\n');
  return perToken;
}

function reportLoad(): void {
  console.log(
    'Calculated: one read each minute, and one more every second minute where the provider has a probe\n',
  );
  printTable(
    [
      'tokens',
      'stacks',
      'beats a month',
      'reads per second',
      'with probes',
      `of ${READS_PER_SECOND} a second`,
    ],
    [1, 10, 100, 1_000].map((tokens) => {
      const reads = tokens / 60;
      return [
        tokens.toLocaleString('en-US'),
        String(Math.ceil(tokens / MAX_TOKENS)),
        (tokens * 43_200).toLocaleString('en-US'),
        reads.toFixed(2),
        (reads * 1.5).toFixed(2),
        `${((reads * 1.5 * 100) / READS_PER_SECOND).toFixed(0)} %`,
      ];
    }),
  );
  console.log(
    'A schedule invokes its function at the second at which it was created. The tokens of one stack are therefore read within a',
  );
  console.log(
    `few seconds: at most ${MAX_TOKENS} reads at once. Stacks that are deployed one after the other are read at different seconds.\n`,
  );
}

function reportCosts(inputs: CostInputs): void {
  console.log(
    `$ a month of 30 days; ${inputs.memoryMiB} MiB; calls of ${LATENCY_MS.aws} ms, a mint's chain of ${MINT_CHAIN_MS} ms\n`,
  );
  const costs = costsOfToken(inputs);
  const total = costs.reduce((sum, { dollars }) => sum + dollars, 0);
  const dollars = (value: number) => value.toFixed(4);
  const count = (value: number) => Math.round(value).toLocaleString('en-US');
  printTable(
    ['one token', 'arithmetic', '$'],
    [
      ...costs.map((cost) => [cost.what, cost.arithmetic, dollars(cost.dollars)]),
      ['one token', 'the sum', dollars(total)],
    ],
  );
  printTable(
    ['option', 'arithmetic', '$ more'],
    costsOfOptions().map((cost) => [cost.what, cost.arithmetic, dollars(cost.dollars)]),
  );
  printTable(
    ['tokens of one hour', 'mints a day', 'secret reads', 'parameter writes', 'versions go back', '$ more'],
    mintLoads(inputs).map((load) => [
      load.setting,
      load.mintsADay.toFixed(1),
      count(load.secretReads),
      count(load.parameterWrites),
      `${load.hoursOfVersions.toFixed(1)} h`,
      dollars(load.dollarsMore),
    ]),
  );
  printTable(
    ['tokens', 'their sum', 'schedules beyond 14 million', '$ a month'],
    [1, 10, 50, 100, 1_000].map((tokens) => [
      tokens.toLocaleString('en-US'),
      (tokens * total).toFixed(2),
      costOfSchedules(tokens).toFixed(2),
      (tokens * total + costOfSchedules(tokens)).toFixed(2),
    ]),
  );
}
