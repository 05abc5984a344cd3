import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, bundleDeployment, bundleRotation } from './bundle.ts';

const bundlers = { refresher: bundle, rotation: bundleRotation, deployment: bundleDeployment };
const made = new Map<string, string>();

/** Bundles a function once per process, into a directory that is gone when the process ends. */
export function functionDirectory(name: keyof typeof bundlers): string {
  const existing = made.get(name);
  if (existing !== undefined) return existing;
  const directory = mkdtempSync(join(tmpdir(), `token-refresher-${name}-`));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  bundlers[name](directory);
  made.set(name, directory);
  return directory;
}
