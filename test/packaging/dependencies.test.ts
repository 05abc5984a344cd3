import { readFileSync } from 'node:fs';
import { bundle } from '../../infra/bundle/bundle.ts';
import { temporaryDirectory } from '../../local/temporary-directory.ts';

const PERMISSIVE = ['Apache-2.0', 'MIT', 'BSD-3-Clause', 'ISC', '0BSD'];

test('docs/development/dependencies.md lists what is in the deployed function, with permissive licences', () => {
  const page = readFileSync('docs/development/dependencies.md', 'utf8');
  const inputs = Object.values(bundle('refresher', temporaryDirectory()).outputs).flatMap((one) =>
    Object.entries(one.inputs),
  );

  const listed = page.split('\n').filter((line) => /^\| [@a-z]/.test(line) && !line.startsWith('| package'));

  const directories = inputs.flatMap(([file, { bytesInOutput }]) => {
    const directory = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
    return bytesInOutput > 0 && directory !== undefined ? [directory] : [];
  });
  const packages = [...new Set(directories)]
    .sort()
    .map((directory) => JSON.parse(readFileSync(`${directory}/package.json`, 'utf8')));
  expect(packages.filter(({ license }) => !PERMISSIVE.includes(license))).toEqual([]);
  // Without versions: the lockfile has them, and an upgrade has to change nothing else.
  const rows = packages.map(({ name, license }) => `| ${name} | ${license} |`);
  expect(listed).toEqual([...new Set(rows)]);
});

test('the package has no runtime dependency', () => {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));

  expect(dependencies ?? {}).toEqual({});
  expect(Object.keys(peerDependencies)).toEqual(['aws-cdk-lib', 'constructs']);
});
