import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, WORK_DIRECTORY } from './python-tools.ts';

/** The baseline of upgrades: a stack of one token, made by the app of this commit. */
export const RELEASED = {
  commit: 'e6503e4',
  stackName: 'TokenRefresherE2eReleased',
  token: { name: 'upgraded', provider: 'oauth2', prefix: '/e2e-released', reservedConcurrency: 0 },
} as const;

/**
 * Takes the released app out of git's history, and links the packages. The packages are those of today.
 *
 * @returns the app's directory
 * @throws Error if the clone has not the whole history
 */
export function openReleasedApp(): string {
  const app = join(WORK_DIRECTORY, 'released-app');
  rmSync(app, { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  const parts = ['cdk.json', 'package.json', 'tsconfig.json', 'infra', 'lambda'];
  let files: Buffer;
  try {
    files = execFileSync('git', ['archive', RELEASED.commit, ...parts], { cwd: ROOT, maxBuffer: 2 ** 28 });
  } catch (cause) {
    throw new Error(
      `No stack of ${RELEASED.commit} can be upgraded: this clone has not the commit. Run git fetch --unshallow.`,
      { cause },
    );
  }
  execFileSync('tar', ['-x', '-C', app], { input: files });
  symlinkSync(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  return app;
}
