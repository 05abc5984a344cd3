import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { bundle } from '../../../infra/bundle/bundle.ts';
import { synthesize } from '../../../local/synthesized-function.ts';
import { temporaryDirectory } from '../../../local/temporary-directory.ts';
import { SMALLEST } from '../full-configuration.ts';

/** The most that an idle beat may load, and the whole bundle have. If one must rise, change it here, with the reason. */
const IDLE_BEAT_BYTES = 300_000;
const BUNDLE_BYTES = 1_250_000;

test('makes the same bytes from the same sources, wherever they are written', () => {
  const [first, second] = [temporaryDirectory(), temporaryDirectory()];
  bundle('refresher', first);
  bundle('refresher', second);
  expect(readAll(first)).toEqual(readAll(second));
});

test('is one small file for each beat, and one chunk more for what only a mint needs', () => {
  const { outputs } = bundle('refresher', temporaryDirectory());

  const ours = Object.values(outputs).flatMap(({ entryPoint }) =>
    entryPoint?.startsWith('lambda/') ? [entryPoint] : [],
  );

  expect(ours.sort()).toEqual(['lambda/handler.ts', 'lambda/on-demand.ts']);
  expect(eagerBytes(outputs)).toBeLessThanOrEqual(IDLE_BEAT_BYTES);
  const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
  expect(bytes).toBeLessThanOrEqual(BUNDLE_BYTES);
});

test('a change of the code alone changes the code of the function alone', () => {
  const { template, functions } = synthesize({ tokens: SMALLEST });
  const [{ logicalId, codeDirectory } = { logicalId: '', codeDirectory: '' }] = functions;
  const asset = codeDirectory.split('asset.')[1] ?? '';
  expect(asset).toMatch(/^[0-9a-f]{64}$/);
  const changed = JSON.parse(JSON.stringify(template).replaceAll(asset, 'changed'));
  expect(changed.Resources[logicalId].Properties.Code.S3Key).toBe('changed.zip');
  changed.Resources[logicalId].Properties.Code = template.Resources[logicalId]?.Properties?.Code;
  expect(changed).toEqual(template);
});

/** The bytes of the entry point and of every chunk that it imports before its first line runs. */
function eagerBytes(outputs: Metafile['outputs']): number {
  const names = new Set(Object.keys(outputs).filter((name) => name.endsWith('/handler.mjs')));
  for (const name of names) {
    for (const { kind, path } of outputs[name]?.imports ?? []) {
      if (kind === 'import-statement' && path in outputs) names.add(path);
    }
  }
  return [...names].reduce((sum, name) => sum + (outputs[name]?.bytes ?? 0), 0);
}

function readAll(directory: string): string[][] {
  const names = readdirSync(directory).sort();
  return names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]);
}
