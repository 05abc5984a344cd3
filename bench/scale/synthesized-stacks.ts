import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_TOKENS } from '../../infra/configuration/tokens-configuration.ts';
import { synthesize } from '../../local/synthesized-function.ts';

/** The time to synthesize the stacks for this many tokens, and their sizes. */
export interface SynthesizedStacks {
  readonly tokens: number;
  readonly stacks: number;
  readonly synthMs: number;
  /** Of the largest stack. */
  readonly resources: number;
  /** Of the largest stack's template, without white space. */
  readonly templateBytes: number;
  readonly alarms: number;
}

/** Synthesizes stacks for `count` tokens of the default configuration. */
export function synthesizeStacks(count: number): SynthesizedStacks {
  const sizes = [...Array(Math.ceil(count / MAX_TOKENS)).keys()].map((stack) =>
    Math.min(MAX_TOKENS, count - stack * MAX_TOKENS),
  );
  const startedAt = performance.now();
  const templates = sizes.map((size) => synthesizeTokens(size).template);
  const synthMs = performance.now() - startedAt;
  const resources = templates.map(({ Resources }) => Object.values(Resources));
  return {
    tokens: count,
    stacks: sizes.length,
    synthMs,
    resources: Math.max(...resources.map((all) => all.length)),
    templateBytes: Math.max(...templates.map((template) => JSON.stringify(template).length)),
    alarms: resources.flat().filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm').length,
  };
}

/** The default memory size of a function, in MiB. */
export function readDefaultMemoryMiB(): number {
  return synthesizeTokens(1).functions[0]?.memoryMiB ?? Number.NaN;
}

function synthesizeTokens(count: number) {
  const directory = mkdtempSync(join(tmpdir(), 'token-refresher-scale-'));
  try {
    return synthesize({ tokens: tokens(count), directory });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function tokens(count: number): object[] {
  return [...Array(count).keys()].map((index) => ({
    name: `token-${index + 1}`,
    provider: 'genesys-cloud',
    region: 'eu-central-1',
  }));
}
