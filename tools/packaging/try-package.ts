/*
 * Tries the npm package as its users do: packs it, installs it into fresh apps, and synthesizes the examples there.
 *
 *   npm run package            an app of `cdk init`, in TypeScript and in JavaScript, on each Node.js; the lowest AWS CDK
 *   npm run package -- --quick the smallest app: JavaScript with require, on this Node.js
 *
 * Ends with 1 where a template differs from that of the sources, where docs/api.md was out of date, or where the package
 * holds more or less than it should.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { transformSync } from 'esbuild';
import { temporaryDirectory } from '../../local/temporary-directory.ts';
import { build } from './build.ts';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLES = readdirSync(join(ROOT, 'examples'));
const NODE_VERSIONS = ['20', '22', '24'];
const EXPECTED_FILES =
  /^(dist|docs|ci\/access-token$|ci\/token-endpoint\.mjs$)|^[A-Z]+(\.md)?$|^(package|tokens\.schema)\.json$/;

const isQuick = process.argv.includes('--quick');
const directory = temporaryDirectory();
const problems: string[] = [];

function check(isRight: boolean, problem: string): void {
  if (!isRight) problems.push(problem);
}

/** The command that runs a process without a network on Linux; empty on other systems. */
const WITHOUT_NETWORK =
  spawnSync('unshare', ['--map-root-user', '--net', 'true']).status === 0
    ? ['unshare', '--map-root-user', '--net']
    : [];

/** Loads each file, and thereby makes its app. */
const LOAD_ALL = 'for (const file of process.argv.slice(1)) await import(file)';

/** Runs a command outside the project. If it fails, the error contains its output. */
function run(command: string, args: readonly string[], cwd: string, more: NodeJS.ProcessEnv = {}): string {
  // The app must not find the project's own tools and Node.js.
  const path = process.env.PATH?.split(delimiter).filter((directory) => !directory.startsWith(ROOT));
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: path?.join(delimiter), NODE_OPTIONS: '', ...more };
  for (const name of Object.keys(env))
    if (/^npm_(package|lifecycle|execpath|node)/.test(name)) delete env[name];
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: 'pipe' });
}

/**
 * Synthesizes the apps of some files in one process, as the CDK CLI runs an app, and without a network if the system supports
 * that.
 *
 * @returns the templates, by the names of the stacks
 */
function synthesizeApps(node: readonly string[], files: readonly string[], cwd: string): object {
  const outdir = temporaryDirectory();
  const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
  const [command = '', ...args] = [...WITHOUT_NETWORK, ...node];
  run(command, [...args, '--input-type=module', '--eval', LOAD_ALL, ...files], cwd, {
    CDK_OUTDIR: outdir,
    CDK_CONTEXT_JSON: JSON.stringify(context),
  });
  const names = readdirSync(outdir).filter((entry) => entry.endsWith('.template.json'));
  return Object.fromEntries(
    names.map((name) => [name.split('.')[0], JSON.parse(readFileSync(join(outdir, name), 'utf8'))]),
  );
}

/** Builds and packs the package. Returns the file. */
function pack(): string {
  const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
  const committed = read('docs/api.md');
  build();
  check(read('docs/api.md') === committed, 'docs/api.md was out of date; look at its diff');
  // The licences ask that their texts go with the code.
  for (const name of ['zod', 'undici'])
    check(read('dist/THIRD-PARTY-NOTICES.txt').includes(`\n${name} `), `${name} has no notice`);
  const options = ['--json', '--ignore-scripts', '--pack-destination', directory];
  const [packed] = JSON.parse(run('npm', ['pack', ...options], ROOT));
  const foreign = (packed.files as { path: string }[]).flatMap(({ path }) =>
    EXPECTED_FILES.test(path) ? [] : path,
  );
  check(foreign.length === 0, `foreign files in the package: ${foreign.join(', ')}`);
  console.log(`${packed.filename}: ${packed.files.length} files, ${Math.round(packed.size / 1024)} KiB\n`);
  return join(directory, packed.filename);
}

/** Installs packages into a directory, from npm's cache where it can. */
function install(cwd: string, ...packages: string[]): void {
  if (!readdirSync(cwd).includes('package.json')) writeFileSync(join(cwd, 'package.json'), '{}');
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], cwd);
}

/** Makes an app of the package and a version of the AWS CDK alone: the project's own, or the lowest that the package admits. */
function createSmallestApp(tarball: string, version: 'own' | 'lowest'): string {
  const { devDependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const versions = version === 'own' ? devDependencies : peerDependencies;
  const app = temporaryDirectory();
  const cdk = ['aws-cdk-lib', 'constructs'].map((name) => `${name}@${versions[name].replace('^', '')}`);
  install(app, tarball, ...cdk);
  return app;
}

/** Makes an app with `cdk init`, and checks there that its compiler and its Jest take the package. */
function createInitializedApp(tarball: string): string {
  const app = temporaryDirectory();
  const cdk = join(ROOT, 'node_modules/aws-cdk/bin/cdk');
  run(process.execPath, [cdk, 'init', 'app', '--language', 'typescript', '--generate-only'], app);
  install(app, tarball);
  cpSync(join(ROOT, 'examples'), join(app, 'bin'), { recursive: true });
  const tsc = join(app, 'node_modules/typescript/bin/tsc');
  run(process.execPath, [tsc, '--skipLibCheck', 'false'], app);
  const test =
    "import { TokenRefresher } from 'token-refresher';\ntest('loads', () => expect(TokenRefresher).toBeDefined());\n";
  writeFileSync(join(app, 'test/loads.test.ts'), test);
  run('npx', ['--no-install', 'jest'], app);
  return app;
}

/** One line of the table: the examples in an app, which load the package by `import` or by `require`, on one Node.js. */
function tryApp(app: string, format: 'esm' | 'cjs', node: string): void {
  const files = EXAMPLES.map((name) => {
    const source = readFileSync(join(ROOT, 'examples', name), 'utf8');
    const file = join(app, name.replace('.ts', format === 'esm' ? '.mjs' : '.cjs'));
    writeFileSync(file, transformSync(source, { loader: 'ts', format }).code);
    return file;
  });
  const isEqual = isDeepStrictEqual(synthesizeApps([node], files, app), expected);
  const line = `${format}, Node.js ${run(node, ['--version'], ROOT).trim()}`;
  check(isEqual, `${line}: other templates than those of the sources`);
  console.log(`${line}: the same templates: ${isEqual}`);
}

/** The commands start from `npx`; without arguments they say how they are used, and exit with 2. */
function checkCommands(cwd: string): void {
  for (const command of ['access-token', 'token-endpoint']) {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const { status, stderr } = spawnSync('npx', ['--no-install', command], { cwd, encoding: 'utf8', env });
    check(status === 2 && /usage/i.test(stderr), `npx ${command}: status ${status}, ${stderr.slice(0, 200)}`);
  }
}

/** Installs Node.js of a major version, as the npm package that has its program. */
function installNode(version: string): string {
  const prefix = temporaryDirectory();
  const name = `node-${process.platform}-${process.arch}`;
  install(prefix, `${name}@${version}`);
  return join(prefix, 'node_modules', name, 'bin/node');
}

/** A build in a copy of the project under another path has the same bytes. */
function checkReproducible(): void {
  const copy = join(ROOT, 'build/another/much-longer/path');
  mkdirSync(copy, { recursive: true });
  // Hard links: the same files under another path.
  const names = ['infra', 'lambda', 'tools', 'docs', 'package.json', 'node_modules'];
  const files = [...names, 'tsconfig.json', 'tsconfig.build.json'].map((name) => join(ROOT, name));
  execFileSync('cp', ['-RPl', ...files, copy]);
  execFileSync(process.execPath, ['tools/packaging/build.ts'], { cwd: copy, stdio: 'pipe' });
  const { stdout } = spawnSync('diff', ['-rq', join(ROOT, 'dist'), join(copy, 'dist')]);
  check(stdout.length === 0, `a build in another folder differs: ${stdout}`);
  rmSync(join(ROOT, 'build/another'), { recursive: true });
}

const tarball = pack();
/** The templates that the examples have when they run on the sources here. */
const expected = synthesizeApps(
  [process.execPath, '--conditions=token-refresher-source'],
  EXAMPLES.map((name) => join(ROOT, 'examples', name)),
  ROOT,
);
if (isQuick) {
  const app = createSmallestApp(tarball, 'own');
  checkCommands(app);
  tryApp(app, 'cjs', process.execPath);
} else {
  const app = createInitializedApp(tarball);
  checkCommands(app);
  for (const node of NODE_VERSIONS.map(installNode))
    for (const format of ['esm', 'cjs'] as const) tryApp(app, format, node);
  console.log('The lowest versions of the AWS CDK and of constructs that the package admits:');
  tryApp(createSmallestApp(tarball, 'lowest'), 'cjs', process.execPath);
  checkReproducible();
}
if (WITHOUT_NETWORK.length === 0) console.log('With a network: this system cannot take it away.');
for (const problem of problems) console.error(`PROBLEM: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;
