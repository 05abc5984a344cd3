/*
 * Asks the registry for known vulnerabilities of the packages in the deployed function: `npm run audit`. They are development
 * dependencies of the project, because the bundle holds them, so that `npm audit --omit=dev` would look at none of them.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../infra/bundle/bundle.ts';
import { bundledPackages } from './bundled-packages.ts';

const directory = mkdtempSync(join(tmpdir(), 'audit-'));
try {
  const packages = bundledPackages(bundle(join(directory, 'function')));
  // By aliases: a bundle may hold two versions of one package.
  const dependencies = Object.fromEntries(
    packages.map(({ name, version }, index) => [`bundled-${index + 1}`, `npm:${name}@${version}`]),
  );
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true, dependencies }));
  npm('install', '--package-lock-only', '--no-audit', '--no-fund', '--silent');
  console.log(`${packages.length} packages in the deployed function:`);
  npm('audit', '--loglevel=error');
} finally {
  rmSync(directory, { recursive: true });
}

function npm(...args: string[]): void {
  const { status } = spawnSync('npm', args, { cwd: directory, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
