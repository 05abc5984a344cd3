import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const OUTDATED = 'Run `npm run update` and look at what it changed.';

// Inside the project: the declarations are checked against the AWS CDK.
mkdirSync('build', { recursive: true });
const directory = mkdtempSync('build/test-');

beforeAll(() => {
  execFileSync(process.execPath, ['tools/packaging/build.ts', directory], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: 'pipe',
  });
}, 300_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test.each(['docs/api.md', 'test/contracts/construct.api.md', 'test/contracts/function.api.md'])(
  '%s says what the sources say',
  (file) => {
    const [committed, built] = [file, join(directory, file)].map((path) => readFileSync(path, 'utf8'));

    const state = built === committed ? 'the same' : `${file} is outdated. ${OUTDATED}`;

    expect(state).toBe('the same');
  },
);

test('the module needs nothing but Node.js and the AWS CDK of the app', () => {
  const source = readFileSync(join(directory, 'dist/index.js'), 'utf8');

  const required = [...source.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name ?? '');
  const foreign = required.filter((name) => !/^(node:\w+|constructs|aws-cdk-lib(\/[a-z0-9-]+)?)$/.test(name));

  expect(required).toContain('constructs');
  expect(foreign).toEqual([]);
});

test('the licences of the packages in it go with it', () => {
  const notices = readFileSync(join(directory, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');

  // Of the module, and of the function.
  expect(notices).toMatch(/^zod .*: MIT\n\nMIT License\n/m);
  expect(notices).toMatch(/^undici .*: MIT\n\nMIT License\n/m);
});
