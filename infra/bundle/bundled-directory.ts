import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, type FunctionName } from './bundle.ts';

const made = new Map<string, string>();

/** Bundles a function once per process, into a directory that is gone when the process ends. */
export function functionDirectory(name: FunctionName): string {
  const existing = made.get(name);
  if (existing !== undefined) return existing;
  const directory = mkdtempSync(join(tmpdir(), `token-refresher-${name}-`));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  bundle(name, directory);
  made.set(name, directory);
  return directory;
}
