/*
 * Tries the npm package as its users do: packs it, installs it into fresh apps, and synthesizes the examples there.
 *
 *   npm run package            every language, loading and Node.js version
 *   npm run package -- --quick one example in the smallest app: JavaScript with require, on this Node.js; no declarations
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { build } from './build.ts';
import { buildModule } from './build-module.ts';
import {
  addExamples,
  compile,
  createApp,
  createSmallestApp,
  isWithoutNetwork,
  type Loading,
  run,
  synthesize,
} from './fresh-app.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE_VERSIONS = ['20', '22', '24'];

const isQuick = process.argv.includes('--quick');
// `npm test` synthesizes all of them on the sources.
const EXAMPLES = readdirSync(join(ROOT, 'examples'))
  .map((name) => basename(name, '.ts'))
  .slice(0, isQuick ? 1 : undefined);
const directory = mkdtempSync(join(tmpdir(), 'try-package-'));
const problems: string[] = [];

function check(isRight: boolean, problem: string): void {
  if (!isRight) problems.push(problem);
}

/** Packs the package; a list of its files that holds more than it should is a problem. */
function pack(): string {
  const [packed] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], { cwd: ROOT }),
  ) as [{ filename: string; size: number; files: { path: string }[] }];
  const foreign = packed.files.filter(
    ({ path }) =>
      !/^(dist|docs|ci\/access-token$|ci\/token-endpoint\.mjs$)|^[A-Z]+(\.md)?$|^(package|tokens\.schema)\.json$/.test(
        path,
      ),
  );
  check(foreign.length === 0, `foreign files in the package: ${foreign.map(({ path }) => path).join(', ')}`);
  console.log(`${packed.filename}: ${packed.files.length} files, ${Math.round(packed.size / 1024)} KiB\n`);
  return join(directory, packed.filename);
}

/** Installs Node.js of a major version, as the npm package that has its program. */
function installNode(version: string): string {
  const prefix = join(directory, `node-${version}`);
  mkdirSync(prefix);
  writeFileSync(join(prefix, 'package.json'), '{}');
  const name = `node-${process.platform}-${process.arch}`;
  run('npm', ['install', '--no-audit', '--no-fund', `${name}@${version}`], { cwd: prefix });
  return join(prefix, 'node_modules', name, 'bin/node');
}

/** The templates that the examples have when they run on the sources here, by the example's name. */
const expected = new Map<string, unknown>();

/** One line of the table: an app on one Node.js. */
function tryApp(app: string, loading: Loading, files: readonly string[], node: string): void {
  const version = run(node, ['--version'], { cwd: ROOT }).trim();
  const started = performance.now();
  const different = files.filter((file) => {
    const template = synthesize(node, file, { cwd: app });
    return !isDeepStrictEqual(template, expected.get(basename(file).replace(/\.\w+$/, '')));
  });
  const seconds = (performance.now() - started) / 1000 / files.length;
  const equal = `${files.length - different.length} of ${files.length} templates equal`;
  check(different.length === 0, `${loading}, ${version}: another template of ${different.join(', ')}`);
  console.log(`${loading}, Node.js ${version}: ${equal}, ${seconds.toFixed(1)} s for one`);
}

/** The commands start from `npx`; without arguments they say how they are used, and exit with 2. */
function checkCommands(app: string): void {
  for (const command of ['access-token', 'token-endpoint']) {
    const { status, stderr } = spawnSync('npx', ['--no-install', command], {
      cwd: app,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    check(status === 2 && /usage/i.test(stderr), `npx ${command}: status ${status}, ${stderr.slice(0, 200)}`);
  }
}

/** A test of the app, as `cdk init` sets Jest up, loads the package. */
function checkJest(app: string): void {
  writeFileSync(
    join(app, 'test/my-app.test.ts'),
    "import { TokenRefresher } from 'token-refresher';\ntest('loads', () => expect(TokenRefresher).toBeDefined());\n",
  );
  run('npx', ['--no-install', 'jest'], { cwd: app });
}

/** A build in a copy of the project under another path has the same bytes. */
function checkReproducible(): void {
  const copy = join(ROOT, 'build/another/much-longer/path');
  mkdirSync(copy, { recursive: true });
  for (const name of ['infra', 'lambda', 'packaging', 'package.json', 'tsconfig.json']) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  // Hard links: the same files under another path.
  execFileSync('cp', ['-RPl', join(ROOT, 'node_modules'), copy]);
  execFileSync(process.execPath, ['tools/packaging/build-module.ts', copy], { cwd: copy, stdio: 'pipe' });
  const { stdout } = spawnSync('diff', ['-rq', '-x', 'index.d.ts', join(ROOT, 'dist'), join(copy, 'dist')]);
  check(stdout.length === 0, `a build in another folder differs: ${stdout}`);
  rmSync(join(ROOT, 'build/another'), { recursive: true });
}

(isQuick ? buildModule : build)(ROOT);
const tarball = pack();
for (const name of EXAMPLES) {
  const nodeOptions = ['--conditions=token-refresher-source'];
  const file = join(ROOT, 'examples', `${name}.ts`);
  expected.set(name, synthesize(process.execPath, file, { cwd: ROOT, nodeOptions }));
}
const nodes = isQuick ? [process.execPath] : NODE_VERSIONS.map(installNode);
const javascript = isQuick ? createSmallestApp(tarball) : createApp('javascript', tarball);
checkCommands(javascript);
for (const loading of isQuick ? (['require'] as const) : (['require', 'import'] as const)) {
  const files = addExamples(javascript, loading, EXAMPLES);
  for (const node of nodes) tryApp(javascript, loading, files, node);
}
if (!isQuick) {
  const lowest = createSmallestApp(tarball, 'lowest');
  console.log('The lowest versions of the AWS CDK and of constructs that the package admits:');
  tryApp(lowest, 'require', addExamples(lowest, 'require', EXAMPLES), process.execPath);
  const typescript = createApp('typescript', tarball);
  const files = addExamples(typescript, 'TypeScript', EXAMPLES);
  compile(typescript);
  for (const node of nodes) tryApp(typescript, 'TypeScript', files, node);
  checkJest(typescript);
  checkReproducible();
}
console.log(
  `Synthesized ${isWithoutNetwork ? 'without a network' : 'with a network: this system cannot take it away'}.`,
);
for (const problem of problems) console.error(`PROBLEM: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
