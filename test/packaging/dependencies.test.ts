import { readFileSync } from 'node:fs';
import { bundle } from '../../infra/bundle/bundle.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { bundledPackages } from '../../packaging/bundled-packages.ts';

const PERMISSIVE = ['Apache-2.0', 'MIT', 'BSD-3-Clause', 'ISC', '0BSD'];
const packages = bundledPackages(bundle(temporaryDirectory()));

test('docs/development/dependencies.md lists what is in the deployed function', () => {
  const page = readFileSync('docs/development/dependencies.md', 'utf8');

  const listed = page.split('\n').filter((line) => /^\| [@a-z]/.test(line) && !line.startsWith('| package'));

  // Without versions: the lockfile has them, and an upgrade has to change nothing else.
  const rows = packages.map(({ name, license }) => `| ${name} | ${license} |`);
  expect(listed).toEqual([...new Set(rows)]);
});

test('everything in the deployed function has a permissive licence', () => {
  const others = packages.filter(({ license }) => !PERMISSIVE.includes(license));

  expect(others).toEqual([]);
});

test('the package has no runtime dependency', () => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));

  expect(dependencies ?? {}).toEqual({});
  expect(Object.keys(peerDependencies)).toEqual(['aws-cdk-lib', 'constructs']);
});
