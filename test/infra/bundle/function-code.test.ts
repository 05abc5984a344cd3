import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../../infra/bundle/bundle.ts';
import { temporaryDirectory } from '../../../local/temporary-directory.ts';

/** The most that an idle beat may load, and the whole bundle have. If one must rise, change it here, with the reason. */
const IDLE_BEAT_BYTES = 300_000;
const BUNDLE_BYTES = 1_250_000;

const PERMISSIVE = ['Apache-2.0', 'MIT', 'BSD-3-Clause', 'ISC', '0BSD'];

const directory = temporaryDirectory();
const { outputs } = bundle('refresher', directory);

test('the same sources make the same bytes, wherever they are written', () => {
  const other = temporaryDirectory();
  bundle('refresher', other);

  expect(readAll(other)).toEqual(readAll(directory));
});

test('is one small file for each beat, and one chunk more for what only a mint needs', () => {
  const ours = Object.values(outputs).flatMap(({ entryPoint }) =>
    entryPoint?.startsWith('lambda/') ? [entryPoint] : [],
  );

  expect(ours.sort()).toEqual(['lambda/handler.ts', 'lambda/on-demand.ts']);
  expect(eagerBytes()).toBeLessThanOrEqual(IDLE_BEAT_BYTES);
  const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
  expect(bytes).toBeLessThanOrEqual(BUNDLE_BYTES);
});

test('docs/development/dependencies.md lists the packages in it, with permissive licences', () => {
  const page = readFileSync('docs/development/dependencies.md', 'utf8');
  const inputs = Object.values(outputs).flatMap((one) => Object.entries(one.inputs));

  const directories = inputs.flatMap(([file, { bytesInOutput }]) => {
    const [found] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [];
    return bytesInOutput > 0 && found !== undefined ? [found] : [];
  });

  const packages = [...new Set(directories)]
    .sort()
    .map((one) => JSON.parse(readFileSync(`${one}/package.json`, 'utf8')));
  expect(packages.filter(({ license }) => !PERMISSIVE.includes(license))).toEqual([]);
  // Without versions: the lockfile has them, and an upgrade has to change nothing else.
  const rows = packages.map(({ name, license }) => `| ${name} | ${license} |`);
  const listed = page.split('\n').filter((line) => /^\| [@a-z]/.test(line) && !line.startsWith('| package'));
  expect(listed).toEqual([...new Set(rows)]);
});

/** The bytes of the entry point and of every chunk that it imports before its first line runs. */
function eagerBytes(): number {
  const names = new Set(Object.keys(outputs).filter((name) => name.endsWith('/handler.mjs')));
  for (const name of names) {
    for (const { kind, path } of outputs[name]?.imports ?? []) {
      if (kind === 'import-statement' && path in outputs) names.add(path);
    }
  }
  return [...names].reduce((sum, name) => sum + (outputs[name]?.bytes ?? 0), 0);
}

function readAll(from: string): string[][] {
  const names = readdirSync(from).sort();
  return names.map((name) => [name, readFileSync(join(from, name), 'utf8')]);
}
