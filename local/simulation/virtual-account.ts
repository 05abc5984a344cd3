import { DEFAULT_REFRESH_INTERVAL_MS } from '../../lambda/contract.ts';
import { type FailureCode, RefreshError } from '../../lambda/errors.ts';
import type { Minter } from '../../lambda/mint/minter.ts';
import { createClock } from '../../lambda/refresh/clock.ts';
import type { Invocation } from '../../lambda/refresh/invocation.ts';
import type { Parameters } from '../../lambda/refresh/parameters.ts';
import { contradicts } from '../../lambda/refresh/planner.ts';
import { type RefreshResult, refresh } from '../../lambda/refresh/refresh.ts';
import { parseStatus, type Status, serializeStatus } from '../../lambda/refresh/status.ts';

/** How a provider treats the tokens of one client. */
export interface Server {
  readonly kind: 'many live tokens' | 'one live token' | 'same token';
  /** The inactivity timeout; null: none. */
  readonly idleTimeoutMs: number | null;
}

/** A token of the virtual token endpoint. */
export interface IssuedToken {
  readonly value: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  /** When it was ended before its expiry: by a newer token, or by the inactivity timeout. */
  endedMs: number;
  usedMs: number;
}

/** A version of the token parameter. */
interface StoredToken {
  readonly value: string;
  readonly key: string | null;
  readonly writtenMs: number;
}

/** Virtual Parameter Store, token endpoint and time: shared by all instances of the function. */
export interface VirtualAccount {
  nowMs: number;
  readonly server: Server;
  /** The first version first; a deleted parameter has none. */
  readonly versions: StoredToken[];
  status: { readonly text: string; readonly status: Status | null; readonly writtenMs: number } | null;
  /** In the order in which the server issued them. */
  readonly issued: IssuedToken[];
}

/** Every token has this in it, and nothing else may. */
export const CANARY = 'c4n4ry';

export function createAccount(nowMs: number, server: Server): VirtualAccount {
  return { nowMs, server, versions: [], status: null, issued: [] };
}

/** Makes a token that the server issues now. */
export function issueToken(account: VirtualAccount, lifetimeMs: number): IssuedToken {
  const { issued, nowMs, server } = account;
  const newest = issued.at(-1);
  if (server.kind === 'same token' && newest !== undefined && newest.expiresMs - nowMs >= 1_000)
    return newest;
  if (server.kind === 'one live token' && newest !== undefined) {
    newest.endedMs = Math.min(newest.endedMs, nowMs);
  }
  const token: IssuedToken = {
    value: `${CANARY}-token-${issued.length + 1}`,
    issuedMs: nowMs,
    expiresMs: nowMs + lifetimeMs,
    endedMs: Number.POSITIVE_INFINITY,
    usedMs: nowMs,
  };
  issued.push(token);
  return token;
}

/** The token with this value; undefined if the server did not issue it. */
export function tokenOf({ issued }: VirtualAccount, value: string | undefined): IssuedToken | undefined {
  // The number in its value is its place.
  const token = issued[Number(value?.split('-').at(-1)) - 1];
  return token?.value === value ? token : undefined;
}

/** When a token ended or will end, if nobody uses it any more. */
export function diesAt({ server }: VirtualAccount, token: IssuedToken): number {
  const idleMs = server.idleTimeoutMs ?? Number.POSITIVE_INFINITY;
  return Math.min(token.expiresMs, token.endedMs, token.usedMs + idleMs);
}

/** Whether the provider accepts a token at present. */
export function isLive(account: VirtualAccount, value: string | undefined): boolean {
  const token = tokenOf(account, value);
  return token !== undefined && account.nowMs < diesAt(account, token);
}

/** Uses a token. Returns whether the provider accepts it. */
function useToken(account: VirtualAccount, value: string): boolean {
  const token = tokenOf(account, value);
  if (token === undefined || !isLive(account, value)) return false;
  if (account.server.idleTimeoutMs !== null) token.usedMs = account.nowMs;
  return true;
}

export function storeToken(account: VirtualAccount, value: string, key: string | null): number {
  return account.versions.push({ value, key, writtenMs: account.nowMs });
}

export function storeStatus(account: VirtualAccount, text: string): void {
  account.status = { text, status: parseStatus(text), writtenMs: account.nowMs };
}

/** Whether the status cannot be of the stored token, as Parameter Store's dates tell. */
export function statusContradictsToken({ versions, status }: VirtualAccount): boolean {
  const at = (written: { readonly writtenMs: number } | null | undefined) =>
    written ? new Date(written.writtenMs) : undefined;
  return contradicts(status?.status ?? null, { token: at(versions.at(-1)), status: at(status) });
}

export type CallName =
  | 'read'
  | 'read-token'
  | 'write-token'
  | 'write-status'
  | 'read-secret'
  | 'mint'
  | 'probe';

/** Makes one call of an invocation: decides whether it takes effect, and whether its caller hears of it. */
export type Call = <T>(
  name: CallName,
  call: {
    readonly effect: () => T;
    /** What the caller gets instead of an answer. */
    readonly failure: () => T;
  },
) => Promise<T>;

/** Makes what throws a failure of a call. */
export const fails = (code: FailureCode) => (): never => {
  throw new RefreshError(code, 'The virtual account is in trouble.');
};

/** Invokes the deployed `refresh()` once. */
export async function invokeRefresh(
  account: VirtualAccount,
  call: Call,
  options: Pick<Invocation, 'request' | 'memory' | 'observations'> & {
    readonly minter: Minter;
    readonly policy: Omit<Invocation['policy'], 'refreshIntervalMs'> & Partial<Invocation['policy']>;
    /** @default the account's time */
    readonly clock?: Invocation['clock'];
  },
): Promise<RefreshResult> {
  const { signal } = new AbortController();
  const { minter, policy } = options;
  return await refresh({
    clock: createClock(() => new Date(account.nowMs)),
    ...options,
    policy: { refreshIntervalMs: DEFAULT_REFRESH_INTERVAL_MS, ...policy },
    parameters: virtualParameters(account, call, policy.encryptionKey),
    loadMinter: async () => minter,
    hasProbe: minter.probe !== undefined,
    provider: 'oauth2',
    signal,
    recordingSignal: () => signal,
  });
}

/** The two parameters, as one invocation calls them. */
export function virtualParameters(
  account: VirtualAccount,
  call: Call,
  key: string | null = null,
): Parameters {
  const failure = fails('PARAMETER_UNAVAILABLE');
  const notWritten = fails('PARAMETER_NOT_WRITTEN');
  return {
    read: () =>
      call('read', {
        failure,
        effect: () => ({
          tokenVersion: account.versions.length || null,
          status: account.status?.status ?? null,
          ...(statusContradictsToken(account) ? { statusContradictsToken: true } : {}),
          // The header is cut to whole seconds; AWS's clock does not step.
          awsTime: new Date(Math.floor(account.nowMs / 1_000) * 1_000),
        }),
      }),
    readToken: ({ version }) =>
      call('read-token', { failure, effect: () => account.versions[version - 1]?.value ?? null }),
    writeToken: ({ accessToken }) =>
      call('write-token', { failure: notWritten, effect: () => storeToken(account, accessToken, key) }),
    writeStatus: ({ status }) =>
      call('write-status', {
        failure: notWritten,
        effect: () => storeStatus(account, serializeStatus(status)),
      }),
    tag: async () => undefined,
  };
}

interface RequestOptions {
  /** The function's clock. */
  readonly now: () => Date;
  /** The lifetimes of the tokens, one after the other. */
  readonly lifetimesMs: readonly number[];
  /** Whether the request is sent before the call. Otherwise both happen at once. @default true */
  readonly isSentBefore?: boolean;
}

/** Asks the token endpoint once. */
export async function requestToken(
  account: VirtualAccount,
  call: Call,
  { now, lifetimesMs, isSentBefore = true }: RequestOptions,
) {
  const sentAt = now();
  return await call('mint', {
    failure: fails('TOKEN_ENDPOINT_UNAVAILABLE'),
    effect: () => {
      const lifetimeMs = lifetimesMs[account.issued.length % lifetimesMs.length] ?? 0;
      const { value, expiresMs } = issueToken(account, lifetimeMs);
      const expiresInMs = Math.floor((expiresMs - account.nowMs) / 1_000) * 1_000;
      return { value, issuedAt: isSentBefore ? sentAt : now(), expiresInMs };
    },
  });
}

/** Secrets Manager, the token endpoint and the probe, as one invocation calls them. */
export function virtualMinter(
  account: VirtualAccount,
  call: Call,
  options: RequestOptions & { readonly hasProbe: boolean },
): Minter {
  const probe = (accessToken: string) =>
    call('probe', {
      failure: () => 'unanswered' as const,
      effect: () => (useToken(account, accessToken) ? ('accepted' as const) : ('refused' as const)),
    });
  return {
    checkSecret: async () => ({ createdAt: undefined }),
    async mint() {
      await call('read-secret', { failure: fails('SECRET_UNAVAILABLE'), effect: () => null });
      const { value, issuedAt, expiresInMs } = await requestToken(account, call, options);
      return {
        accessToken: value,
        issuedAt,
        expiresAt: new Date(issuedAt.getTime() + expiresInMs),
        grantedScope: undefined,
        secretStage: 'AWSCURRENT',
        warnings: [],
      };
    },
    ...(options.hasProbe ? { probe } : {}),
  };
}
