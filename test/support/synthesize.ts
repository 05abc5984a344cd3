import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize as synthesizeTo } from '../../local/synthesized-function.ts';

const directories: string[] = [];

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

/** Makes a directory that is gone after the tests. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'token-refresher-test-'));
  directories.push(directory);
  return directory;
}

/** Synthesizes the app into such a directory. */
export function synthesize(
  options: Omit<Parameters<typeof synthesizeTo>[0], 'directory'>,
): ReturnType<typeof synthesizeTo> {
  return synthesizeTo({ ...options, directory: temporaryDirectory() });
}
