import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../../infra/bundle/bundle.ts';
import { synthesize } from '../../../local/synthesized-function.ts';
import { temporaryDirectory } from '../../../local/temporary-directory.ts';
import { SMALLEST } from '../full-configuration.ts';

test('makes the same bytes from the same sources, wherever they are written', () => {
  const [first, second] = [temporaryDirectory(), temporaryDirectory()];
  bundle(first);
  bundle(second);
  expect(readAll(first)).toEqual(readAll(second));
});

test('is one file for each beat, and one chunk more for what only a mint needs', () => {
  const { outputs } = bundle(temporaryDirectory());

  const ours = Object.values(outputs).flatMap(({ entryPoint }) =>
    entryPoint?.startsWith('lambda/') ? [entryPoint] : [],
  );

  expect(ours.sort()).toEqual(['lambda/handler.ts', 'lambda/on-demand.ts']);
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

function readAll(directory: string): string[][] {
  const names = readdirSync(directory).sort();
  return names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]);
}
