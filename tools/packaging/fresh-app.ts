import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { transformSync } from 'esbuild';
import { temporaryDirectory } from '../../local/temporary-directory.ts';

const ROOT = join(import.meta.dirname, '../..');
const CDK = join(ROOT, 'node_modules/aws-cdk/bin/cdk');

/** How an app loads the package. */
export type Loading = 'TypeScript' | 'import' | 'require';

/** Runs a command. If it fails, the error contains its output. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): string {
  // The app must not find the project's own tools and Node.js.
  const path = process.env.PATH?.split(delimiter).filter((directory) => !directory.startsWith(ROOT));
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: path?.join(delimiter),
    NODE_OPTIONS: '',
    ...options.env,
  };
  for (const name of Object.keys(env))
    if (/^npm_(package|lifecycle|execpath|node)/.test(name)) delete env[name];
  return execFileSync(command, args, { cwd: options.cwd, env, encoding: 'utf8', stdio: 'pipe' });
}

/** Makes an app with `cdk init` in an empty directory, and installs the package in it. Returns the directory. */
export function createApp(language: 'typescript' | 'javascript', tarball: string): string {
  const directory = emptyDirectory();
  run(process.execPath, [CDK, 'init', 'app', '--language', language, '--generate-only'], { cwd: directory });
  run('npm', ['install', '--no-audit', '--no-fund', tarball], { cwd: directory });
  return directory;
}

/**
 * Makes an app of no more than the package and a version of the AWS CDK, from npm's cache where it can: the project's own, or
 * the lowest that the package admits.
 */
export function createSmallestApp(tarball: string, version: 'own' | 'lowest' = 'own'): string {
  const { devDependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const cdk = ['aws-cdk-lib', 'constructs'].map((name) =>
    version === 'own'
      ? `${name}@${devDependencies[name]}`
      : `${name}@${peerDependencies[name].replace('^', '')}`,
  );
  const directory = emptyDirectory();
  mkdirSync(join(directory, 'bin'));
  writeFileSync(join(directory, 'package.json'), '{}');
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball, ...cdk], { cwd: directory });
  return directory;
}

function emptyDirectory(): string {
  const directory = join(mkdtempSync(join(tmpdir(), 'fresh-app-')), 'my-app');
  mkdirSync(directory);
  return directory;
}

/** Puts examples into an app, in the language that it is written in; returns the files to run. */
export function addExamples(app: string, loading: Loading, names: readonly string[]): string[] {
  return names.map((name) => {
    const source = readFileSync(join(ROOT, 'examples', `${name}.ts`), 'utf8');
    const stem = join(app, 'bin', name);
    if (loading === 'TypeScript') {
      writeFileSync(`${stem}.ts`, source);
      return join(app, 'out/bin', `${basename(stem)}.js`);
    }
    const [format, extension] = loading === 'import' ? (['esm', 'mjs'] as const) : (['cjs', 'cjs'] as const);
    const { code } = transformSync(source, { loader: 'ts', format });
    writeFileSync(`${stem}.${extension}`, code);
    return `${stem}.${extension}`;
  });
}

/** Type-checks an app with its own compiler, libraries too, and compiles it to `out`. */
export function compile(app: string): void {
  const tsc = join(app, 'node_modules/typescript/bin/tsc');
  run(process.execPath, [tsc, '--skipLibCheck', 'false'], { cwd: app });
  run(process.execPath, [tsc, '--noEmit', 'false', '--outDir', 'out'], { cwd: app });
}

/** Synthesizes an app's file, without a network if the system supports that. Returns the template. */
export function synthesize(
  node: string,
  file: string,
  options: { readonly cwd: string; readonly nodeOptions?: readonly string[] },
): unknown {
  const directory = temporaryDirectory();
  const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
  const env = { CDK_OUTDIR: directory, CDK_CONTEXT_JSON: JSON.stringify(context) };
  const [command = node, ...args] = [...WITHOUT_NETWORK, node, ...(options.nodeOptions ?? []), file];
  run(command, args, { cwd: options.cwd, env });
  const [name = ''] = readdirSync(directory).filter((entry) => entry.endsWith('.template.json'));
  return JSON.parse(readFileSync(join(directory, name), 'utf8'));
}

/** The command that runs a process without a network on Linux; empty on other systems. */
const WITHOUT_NETWORK =
  spawnSync('unshare', ['--map-root-user', '--net', 'true']).status === 0
    ? ['unshare', '--map-root-user', '--net']
    : [];

/** Whether {@link synthesize} takes the network away. */
export const isWithoutNetwork = WITHOUT_NETWORK.length > 0;
