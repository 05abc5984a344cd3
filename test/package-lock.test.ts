import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const packages: Record<string, LockedPackage> = read('package-lock.json').packages;

test('the lockfile has every platform package, or npm ci would refuse it: node .ci/complete-lockfile.js adds them', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
    ),
  );
  expect(missing).toEqual([]);
});

test('the lockfile names no place to download from', () => {
  expect(Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});

test('package.json pins exact versions, and the package has no runtime dependency', () => {
  const { dependencies = {}, devDependencies, peerDependencies } = read('package.json');
  const loose = Object.entries(devDependencies).filter(([, one]) => !/^\d+\.\d+\.\d+$/.test(String(one)));
  expect(loose).toEqual([]);
  expect(dependencies).toEqual({});
  expect(Object.keys(peerDependencies)).toEqual(['aws-cdk-lib', 'constructs']);
});

test('the job that may publish runs no code of this repository and no package but npm', () => {
  const workflow = parse(readFileSync(new URL('../.github/workflows/publish.yml', import.meta.url), 'utf8'));
  const jobs: { permissions?: object; steps: { run?: string; uses?: string }[] }[] = Object.values(
    workflow.jobs,
  );
  const publishing = jobs.filter(({ permissions }) => permissions !== undefined && 'id-token' in permissions);

  expect(workflow.permissions).toEqual({});
  expect(publishing).toHaveLength(1);
  expect(publishing[0]?.steps.map(({ run, uses }) => run ?? uses?.split('@')[0])).toEqual([
    'actions/setup-node',
    'actions/download-artifact',
    expect.stringContaining('npm --version'),
    'npm publish ./package/*.tgz --provenance --access public --ignore-scripts',
  ]);
});
