import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Assembly, Template } from '../../local/cloud-assembly.ts';
import { synthesize } from '../../local/synthesized-function.ts';
import { FULL_CONTEXT, FULL_TOKENS, TARGET } from './full-configuration.ts';

/**
 * The templates of commit d5da51f, the first that people deployed. Their logical ids are frozen: a changed one is a
 * replaced or deleted resource in the account of each user. Never write these files anew.
 */
const released = (name: string) => fileURLToPath(new URL(`./released/d5da51f-${name}.json`, import.meta.url));

const SMALLEST = [{ name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1' }];

const stacks: readonly [string, Assembly][] = [
  ['default', synthesize({ tokens: SMALLEST })],
  ['full', synthesize({ tokens: FULL_TOKENS, context: FULL_CONTEXT, target: TARGET })],
];

test.each(stacks)(
  'the %s stack keeps the logical id and the type of each released resource',
  (name, stack) => {
    const before: Template = JSON.parse(readFileSync(released(name), 'utf8'));

    const kept = Object.keys(before.Resources).map((id) => [id, stack.template.Resources[id]?.Type]);

    expect(kept).toEqual(Object.entries(before.Resources).map(([id, { Type }]) => [id, Type]));
  },
);

test.each(stacks)(
  'cdk diff of the %s stack against the released one replaces and deletes nothing',
  async (name, stack) => {
    const args = [
      'diff',
      '--app',
      stack.directory,
      '--template',
      released(name),
      '--no-color',
      '--no-notices',
    ];

    const { stdout, stderr } = await promisify(execFile)('cdk', args, {
      maxBuffer: 64 * 1024 * 1024,
      env: { PATH: process.env.PATH, HOME: '/nonexistent' },
    });

    const report = stdout + stderr;
    expect(report).toContain('Number of stacks with differences');
    expect(report.match(/.*(\breplace\b|requires replacement|\[-\] AWS::|\[-\] Custom::).*/g) ?? []).toEqual(
      [],
    );
  },
  // A process of the CDK's CLI, on a machine that may have much else to do.
  120_000,
);
