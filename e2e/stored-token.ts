import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Parameter } from '@aws-sdk/client-ssm';
import type { Aws } from './aws.ts';

/** The part of a stored status that is looked at, schema version 1. */
interface StoredStatus {
  readonly tokenVersion?: number;
  readonly fingerprint?: string;
  readonly issuedAt?: string;
  readonly refreshDueAt?: string;
  /** ARN; null: AWS's key. */
  readonly encryptionKey?: string | null;
  readonly lastFailure: { readonly code: string } | null;
}

/** What Parameter Store holds of one token. */
export interface StoredToken {
  readonly accessToken: string | undefined;
  /** Version and type of the token's parameter. */
  readonly version: number | undefined;
  readonly type: string | undefined;
  readonly status: StoredStatus | undefined;
  /** The status as it is. */
  readonly statusText: string | undefined;
}

/** Reads a token and its status, as a reader does. */
export async function readStored(aws: Aws, path: string): Promise<StoredToken> {
  const { Parameters } = await aws.call<{ Parameters: Parameter[] }>(
    ...['ssm', 'get-parameters', '--with-decryption', '--names'],
    ...[`${path}/access-token`, `${path}/token-status`],
  );
  return storedToken(path, Parameters);
}

/** The token below this path, of the parameters that GetParameters answered. */
export function storedToken(path: string, parameters: readonly Parameter[]): StoredToken {
  const token = parameters.find(({ Name }) => Name === `${path}/access-token`);
  const statusText = parameters.find(({ Name }) => Name === `${path}/token-status`)?.Value;
  return {
    accessToken: token?.Value,
    version: token?.Version,
    type: token?.Type,
    statusText,
    status: statusText === undefined ? undefined : JSON.parse(statusText),
  };
}

/** Whether a token is stored that its status describes. */
export function isConsistent({ accessToken, version, status }: StoredToken): boolean {
  if (accessToken === undefined || status?.tokenVersion !== version) return false;
  return status?.fingerprint === createHash('sha256').update(accessToken).digest('hex').slice(0, 12);
}

/**
 * Reads until token and status agree and the token has at least this version.
 *
 * @throws Error with what was stored at the end of the time
 */
export async function waitForVersion(
  aws: Aws,
  path: string,
  atLeast: number,
  timeoutSeconds: number,
): Promise<StoredToken> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    const stored = await readStored(aws, path);
    if (isConsistent(stored) && (stored.version ?? 0) >= atLeast) return stored;
    if (Date.now() > deadline) {
      const found = `version ${stored.version ?? 'none'}, status ${stored.statusText ?? 'none'}`;
      throw new Error(`${path}: version ${atLeast} did not come in ${timeoutSeconds} s: ${found}`);
    }
    await delay(500);
  }
}
