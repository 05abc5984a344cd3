import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The first release that users deployed, as its app synthesizes one token: template and functions. `prove/released-app.ts`
 * makes the archive from the commit.
 */
export const RELEASED = {
  commit: 'd5da51f',
  archive: join(import.meta.dirname, 'released-app.tar.gz'),
  /** Logical ids are made of it, and of the parameters' names: it is the same in every run. */
  stackName: 'TokenRefresherE2eReleased',
  /** As in cdk.json. Its token endpoint stands for the one of the run. */
  token: {
    name: 'upgraded',
    provider: 'oauth2',
    prefix: '/e2e-released',
    tokenUrl: 'http://127.0.0.1:1/oauth/token',
    reservedConcurrency: 0,
  },
} as const;

/** Unpacks the released app's cloud assembly into `directory`, with another token endpoint. */
export function openReleasedApp(directory: string, tokenUrl: string): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  execFileSync('tar', ['-xzf', RELEASED.archive, '-C', directory]);
  const fill = (text: string): string => text.replaceAll(RELEASED.token.tokenUrl, tokenUrl);
  const template = readFileSync(join(directory, `${RELEASED.stackName}.template.json`), 'utf8');
  for (const name of readdirSync(directory).filter((entry) => entry.endsWith('.json'))) {
    const file = join(directory, name);
    // The CDK does not publish a template again whose hash it finds.
    writeFileSync(file, fill(readFileSync(file, 'utf8')).replaceAll(hash(template), hash(fill(template))));
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
