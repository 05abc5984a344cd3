import { MAX_TOKENS } from '../../infra/rules/settings.ts';
import { synthesize } from '../../local/synthesized-function.ts';
import { printTable } from '../table.ts';
import {
  COSTS_OF_OPTIONS,
  type Cost,
  costOfSchedules,
  costsOfToken,
  MONTH_MINUTES,
  mintLoads,
} from './costs.ts';

/** CloudFormation's limit for a stack. */
const MAX_RESOURCES = 500;

/** Parameter Store's reads per second of an account and region, unless raised. */
const READS_PER_SECOND = 40;

/** Synthesizes stacks of 1 to 50 tokens, and computes the load and the costs of many tokens. */
export async function run(): Promise<number> {
  // The first one loads the CDK and bundles, and is not counted.
  const [fn] = synthesizeStack(1).functions;
  const stacks = [1, 2, 10, 16, 50].map(measureStacks);
  const [one, two] = stacks as [Measured, Measured];
  const perToken = two.resources - one.resources;
  const memoryMiB = fn?.memoryMiB ?? Number.NaN;

  reportStacks(stacks, perToken);
  reportLoad();
  console.log(`$ a month of 30 days; ${memoryMiB} MiB\n`);
  reportCosts(costsOfToken({ memoryMiB, alarms: one.alarms }));
  printTable(
    ['tokens of one hour', 'mints a day', 'secret reads', 'parameter writes', 'versions go back', '$ more'],
    mintLoads(memoryMiB),
  );
  return stacks.every(({ resources }) => resources <= MAX_RESOURCES) ? 0 : 1;
}

interface Measured {
  readonly tokens: number;
  readonly stacks: number;
  readonly synthMs: number;
  /** Of the largest stack, as is the template's size without white space. */
  readonly resources: number;
  readonly templateBytes: number;
  readonly alarms: number;
}

function measureStacks(tokens: number): Measured {
  const stacks = Math.ceil(tokens / MAX_TOKENS);
  const sizes = Array.from({ length: stacks }, (_, stack) =>
    Math.min(MAX_TOKENS, tokens - stack * MAX_TOKENS),
  );
  const startedAt = performance.now();
  const templates = sizes.map((size) => synthesizeStack(size).template);
  const synthMs = performance.now() - startedAt;
  const resources = templates.map(({ Resources }) => Object.values(Resources));
  return {
    tokens,
    stacks,
    synthMs,
    resources: Math.max(...resources.map((all) => all.length)),
    templateBytes: Math.max(...templates.map((template) => JSON.stringify(template).length)),
    alarms: resources.flat().filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm').length,
  };
}

function synthesizeStack(tokens: number) {
  return synthesize({
    tokens: Array.from({ length: tokens }, (_, index) => ({
      name: `token-${index + 1}`,
      provider: 'genesys-cloud',
      region: 'eu-central-1',
    })),
  });
}

function reportStacks(stacks: readonly Measured[], perToken: number): void {
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
  const shared = (stacks[0]?.resources ?? Number.NaN) - perToken;
  const fitting = Math.floor((MAX_RESOURCES - shared) / perToken);
  console.log(
    `${perToken} resources per token and ${shared} per stack: ${fitting} tokens would fit into ${MAX_RESOURCES} resources.\n`,
  );
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
    [1, 10, 100, 1_000].map((tokens) => [
      tokens.toLocaleString('en-US'),
      String(Math.ceil(tokens / MAX_TOKENS)),
      (tokens * MONTH_MINUTES).toLocaleString('en-US'),
      (tokens / 60).toFixed(2),
      (tokens / 40).toFixed(2),
      `${((tokens * 100) / 40 / READS_PER_SECOND).toFixed(0)} %`,
    ]),
  );
}

function reportCosts(costs: readonly Cost[]): void {
  const total = costs.reduce((sum, [, , dollars]) => sum + dollars, 0);
  const row = ([what, arithmetic, dollars]: Cost) => [what, arithmetic, dollars.toFixed(4)];
  printTable(['one token', 'arithmetic', '$'], [...costs, ['one token', 'the sum', total] as const].map(row));
  printTable(['option', 'arithmetic', '$ more'], COSTS_OF_OPTIONS.map(row));
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
