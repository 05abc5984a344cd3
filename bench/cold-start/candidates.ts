import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync, type Metafile } from 'esbuild';
import { bundle } from '../../infra/bundle/bundle.ts';

const RIVAL = fileURLToPath(new URL('./processes/rival.ts', import.meta.url));
const NODE_MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** The handlers that are measured, as files. */
export interface Candidates {
  readonly ours: string;
  /** The contents of our bundle. */
  readonly metafile: Metafile;
  /** The rival's source, unbundled, with its SDK clients in `node_modules`. */
  readonly unbundled: string;
  /** The rival in one CommonJS file, as `NodejsFunction` of the CDK bundles by default, with the SDK bundled. */
  readonly naive: string;
}

/** Builds the handlers into a temporary directory, which is deleted when the process ends. */
export function buildCandidates(): Candidates {
  const directory = mkdtempSync(join(tmpdir(), 'token-refresher-bench-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const metafile = bundle(join(directory, 'ours'));
  const unbundled = join(directory, 'unbundled/rival.mjs');
  const naive = join(directory, 'naive/rival.js');
  mkdirSync(join(directory, 'unbundled'));
  symlinkSync(NODE_MODULES, join(directory, 'unbundled/node_modules'));
  const options: BuildOptions = {
    entryPoints: [RIVAL],
    platform: 'node',
    target: 'node24',
    logLevel: 'error',
  };
  buildSync({ ...options, outfile: unbundled, format: 'esm' });
  buildSync({ ...options, outfile: naive, format: 'cjs', bundle: true });
  return { ours: join(directory, 'ours/handler.mjs'), metafile, unbundled, naive };
}
