import { RefreshError } from '../../../../lambda/errors.ts';
import type { Minter } from '../../../../lambda/mint/minter.ts';
import type { Parameters } from '../../../../lambda/refresh/parameters.ts';
import { parseStatus, type Status, serializeStatus } from '../../../../lambda/refresh/status.ts';
import { fingerprintOf } from '../../../../lambda/refresh/store.ts';
import type { Fate } from './schedule.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const START_MS = Date.parse('2026-11-20T14:00:00.000Z');

/** What the function is configured with. */
export const CONFIGURED = {
  source: '0123456789abcdef',
  encryptionKey: 'arn:aws:kms:eu-central-1:111122223333:key/configured',
};

/** How the token endpoint treats the tokens of one client. */
export type ServerKind = 'many live tokens' | 'one live token' | 'same token';

/** A token of the virtual token endpoint. */
export interface IssuedToken {
  readonly value: string;
  readonly fingerprint: string;
  /** When its request was sent. */
  readonly requestedMs: number;
  readonly expiresMs: number;
  isRevoked: boolean;
}

export interface StoredToken {
  readonly value: string;
  readonly version: number;
  readonly key: string | null;
  readonly writtenMs: number;
}

export interface StoredStatus {
  readonly text: string;
  readonly writtenMs: number;
}

/** Virtual Parameter Store, Secrets Manager, token endpoint and time: what the instances of the function share. */
export interface VirtualAccount {
  nowMs: number;
  token: StoredToken | null;
  status: StoredStatus | null;
  /** In the order in which the server issued them. */
  readonly issued: IssuedToken[];
  /** The values of the token parameter by version: gone with the parameter. */
  readonly history: Map<number, string>;
  /** Values that were ever written to the parameter. */
  readonly written: Set<string>;
}

/** Copies an account, so that two executions can go on from it. */
export function copyAccount(account: VirtualAccount): VirtualAccount {
  return {
    ...account,
    issued: account.issued.map((token) => ({ ...token })),
    history: new Map(account.history),
    written: new Set(account.written),
  };
}

/** Lets one call of an invocation wait for its fate. */
export type Wait = <T>(
  name: string,
  call: {
    readonly faults: readonly Fate[];
    /** @default false */
    readonly isLocal?: boolean;
    /** Takes effect, unless the call fails. */
    readonly effect: () => T;
    /** What the caller gets instead of an answer. */
    readonly failure: () => T;
    /** What the answer told, for the state's name. */
    readonly told: (answer: T) => unknown;
  },
) => Promise<T>;

const fail = (error: RefreshError): never => {
  throw error;
};
const READ_FAULTS: readonly Fate[] = ['fails', 'dies'];
const WRITE_FAULTS: readonly Fate[] = ['fails', 'loses its answer', 'dies'];

/** Every token has this in it, and nothing else may. */
export const CANARY = 'c4n4ry';

/** Makes a token that the server issues now. */
export function issueToken(
  account: VirtualAccount,
  options: { readonly requestedMs: number; readonly lifetimeMs: number; readonly server?: ServerKind },
): IssuedToken {
  const { requestedMs, lifetimeMs, server = 'many live tokens' } = options;
  const newest = account.issued.at(-1);
  if (server === 'same token' && newest !== undefined && newest.expiresMs > account.nowMs) return newest;
  if (server === 'one live token') for (const token of account.issued) token.isRevoked = true;
  const value = `${CANARY}-token-${account.issued.length + 1}`;
  const token: IssuedToken = {
    value,
    fingerprint: fingerprintOf(value),
    requestedMs,
    expiresMs: requestedMs + lifetimeMs,
    isRevoked: false,
  };
  account.issued.push(token);
  return token;
}

/** Whether the provider accepts a token at present. */
export function isLive(account: VirtualAccount, value: string | undefined): boolean {
  const token = account.issued.find((one) => one.value === value);
  return token !== undefined && !token.isRevoked && token.expiresMs > account.nowMs;
}

/** Each status is read many times: the explorer runs the same code on the same text. */
const parsed = new Map<string, Status | null>();

/** The status of an account, as the function reads it. */
export function statusOf({ status }: Pick<VirtualAccount, 'status'>): Status | null {
  if (status === null) return null;
  const known = parsed.get(status.text);
  if (known !== undefined) return known;
  const read = parseStatus(status.text);
  parsed.set(status.text, read);
  return read;
}

/** Whether the status was last written before the token, as Parameter Store's dates tell. */
export function statusPrecedesToken({ token, status }: VirtualAccount): boolean {
  return status !== null && (token?.writtenMs ?? 0) - status.writtenMs > 5 * SECOND;
}

/** The two parameters, as one invocation calls them. */
export function virtualParameters(account: VirtualAccount, wait: Wait, key: string | null): Parameters {
  const unavailable = () => fail(new RefreshError('PARAMETER_UNAVAILABLE', 'It could not be read.'));
  const notWritten = () => fail(new RefreshError('PARAMETER_NOT_WRITTEN', 'It could not be written.'));
  return {
    read: () =>
      wait('read', {
        faults: READ_FAULTS,
        failure: unavailable,
        effect: () => {
          return {
            tokenVersion: account.token?.version ?? null,
            status: statusOf(account),
            ...(statusPrecedesToken(account) ? { statusPrecedesToken: true } : {}),
            awsTime: undefined,
          };
        },
        told: ({ tokenVersion }) => [tokenVersion, account.status?.text],
      }),
    readToken: ({ version }) =>
      wait('read-token', {
        faults: READ_FAULTS,
        // A version never changes.
        isLocal: true,
        failure: unavailable,
        effect: () => account.history.get(version) ?? null,
        told: (value) => value,
      }),
    writeToken: ({ accessToken }) =>
      wait('write-token', {
        faults: WRITE_FAULTS,
        failure: notWritten,
        effect: () => {
          const version = (account.token?.version ?? 0) + 1;
          account.token = { value: accessToken, version, key, writtenMs: account.nowMs };
          account.history.set(version, accessToken);
          account.written.add(accessToken);
          return version;
        },
        told: (version) => version,
      }),
    writeStatus: ({ status }) =>
      wait('write-status', {
        faults: WRITE_FAULTS,
        failure: notWritten,
        effect: () => {
          account.status = { text: serializeStatus(status), writtenMs: account.nowMs };
        },
        told: () => null,
      }),
  };
}

/** Secrets Manager, the token endpoint and the probe, as one invocation calls them. */
export function virtualMinter(
  account: VirtualAccount,
  wait: Wait,
  options: {
    readonly now: () => Date;
    readonly server: ServerKind;
    /** The lifetimes of the tokens, one after the other. */
    readonly lifetimesMs: readonly number[];
    /** Whether the server may answer the request first that was sent last. */
    readonly requestsCross: boolean;
  },
): Minter {
  const { now, server, lifetimesMs, requestsCross } = options;
  // Time passes here and nowhere else, so that two mints at once have two times of issue.
  const passTime = (): void => {
    account.nowMs += SECOND;
  };
  return {
    checkSecret: async () => ({ createdAt: undefined }),
    async mint() {
      await wait('read-secret', {
        faults: READ_FAULTS,
        isLocal: !requestsCross,
        failure: () => fail(new RefreshError('SECRET_UNAVAILABLE', 'It could not be read.')),
        effect: () => {
          if (requestsCross) passTime();
        },
        told: () => (requestsCross ? account.nowMs : null),
      });
      const requestedMs = now().getTime();
      const { token, issuedAt } = await wait('mint', {
        faults: WRITE_FAULTS,
        failure: () => fail(new RefreshError('TOKEN_ENDPOINT_UNAVAILABLE', 'It could not be asked.')),
        effect: () => {
          const lifetimeMs = lifetimesMs[account.issued.length % lifetimesMs.length] ?? 0;
          if (!requestsCross) passTime();
          const issuedAt = requestsCross ? new Date(requestedMs) : now();
          return {
            token: issueToken(account, { requestedMs: issuedAt.getTime(), lifetimeMs, server }),
            issuedAt,
          };
        },
        told: ({ token: { value }, issuedAt }) => [value, issuedAt],
      });
      return {
        accessToken: token.value,
        issuedAt,
        expiresAt: new Date(token.expiresMs),
        grantedScope: undefined,
        secretStage: 'AWSCURRENT',
        warnings: [],
      };
    },
    probe: (accessToken) =>
      wait('probe', {
        faults: READ_FAULTS,
        isLocal: server !== 'one live token',
        failure: () => 'unanswered' as const,
        effect: () => (isLive(account, accessToken) ? ('accepted' as const) : ('refused' as const)),
        told: (result) => result,
      }),
  };
}
