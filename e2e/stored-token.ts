import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Aws } from './aws.ts';

/** The status as it is stored, schema version 1. */
export interface StoredStatus {
  readonly tokenVersion?: number;
  readonly fingerprint?: string;
  readonly issuedAt?: string;
  readonly expiresAt?: string;
  readonly refreshDueAt?: string;
  /** ARN; null: AWS's key. */
  readonly encryptionKey?: string | null;
  readonly lastFailure: { readonly code: string } | null;
}

/** What Parameter Store holds of one token. */
export interface StoredToken {
  readonly accessToken?: string;
  /** Version and type of the token's parameter. */
  readonly version?: number;
  readonly type?: string;
  readonly status?: StoredStatus;
  /** The status as it is. */
  readonly statusText?: string;
}

interface Parameter {
  readonly Name: string;
  readonly Value: string;
  readonly Version: number;
  readonly Type: string;
}

/** Reads a token and its status, as a reader does. */
export async function readStored(aws: Aws, path: string): Promise<StoredToken> {
  const names = [`${path}/access-token`, `${path}/token-status`];
  const { Parameters } = await aws.call<{ Parameters: Parameter[] }>(
    ...['ssm', 'get-parameters', '--with-decryption', '--names', ...names],
  );
  const token = Parameters.find(({ Name }) => Name === names[0]);
  const status = Parameters.find(({ Name }) => Name === names[1]);
  return {
    ...(token && { accessToken: token.Value, version: token.Version, type: token.Type }),
    ...(status && { status: JSON.parse(status.Value), statusText: status.Value }),
  };
}

/** Whether a token is stored that its status describes. */
export function isConsistent({ accessToken, version, status }: StoredToken): boolean {
  return (
    accessToken !== undefined &&
    status?.tokenVersion === version &&
    status?.fingerprint === fingerprint(accessToken)
  );
}

/** The first 12 hex digits of the SHA-256. */
export function fingerprint(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex').slice(0, 12);
}

/**
 * Reads until token and status agree and `isReached`.
 *
 * @throws Error with what was stored at the end of the time
 */
export async function waitForToken(
  aws: Aws,
  path: string,
  options: {
    readonly what: string;
    readonly isReached: (stored: StoredToken) => boolean;
    readonly timeoutSeconds: number;
  },
): Promise<StoredToken> {
  const deadline = Date.now() + options.timeoutSeconds * 1000;
  for (;;) {
    const stored = await readStored(aws, path);
    if (isConsistent(stored) && options.isReached(stored)) return stored;
    if (Date.now() > deadline) {
      const found = `version ${stored.version ?? 'none'}, status ${stored.statusText ?? 'none'}`;
      throw new Error(`${path}: ${options.what} did not come in ${options.timeoutSeconds} s: ${found}`);
    }
    await delay(500);
  }
}
