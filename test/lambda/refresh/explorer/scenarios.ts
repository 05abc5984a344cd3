import type { Invocation } from '../../../../lambda/refresh/invocation.ts';
import { serializeStatus, type TokenDescription } from '../../../../lambda/refresh/status.ts';
import { fingerprintOf } from '../../../../lambda/refresh/store.ts';
import {
  createAccount,
  issueToken,
  type Server,
  storeStatus,
  storeToken,
  type VirtualAccount,
} from '../../../../local/simulation/virtual-account.ts';

export type RefreshRequest = Invocation['request'];

export const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START_MS = Date.parse('2026-11-20T14:00:00.000Z');

/** The function's configuration. */
export const CONFIGURED = {
  source: '0123456789abcdef',
  encryptionKey: 'arn:aws:kms:eu-central-1:111122223333:key/configured',
};

/** Puts a token of this age, which lives an hour, into an account, and the status that describes it. */
function storeAged(account: VirtualAccount, ageMs: number, change: Partial<TokenDescription> = {}): void {
  const issuedMs = START_MS - ageMs;
  account.nowMs = issuedMs;
  const { value } = issueToken(account, HOUR);
  const token: TokenDescription = {
    version: 1,
    fingerprint: fingerprintOf(value),
    issuedAt: new Date(issuedMs),
    expiresAt: new Date(issuedMs + HOUR),
    refreshDueAt: new Date(issuedMs + 50 * MINUTE),
    provider: 'oauth2',
    ...CONFIGURED,
    ...change,
  };
  storeToken(account, value, token.encryptionKey ?? null);
  storeStatus(account, serializeStatus({ token, provider: 'oauth2', lastFailure: null }));
}

const STARTS: Readonly<Record<string, (account: VirtualAccount) => void>> = {
  'nothing stored': () => undefined,
  fresh: (account) => storeAged(account, 20 * MINUTE),
  due: (account) => storeAged(account, 49 * MINUTE),
  dead: (account) => storeAged(account, 61 * MINUTE),
  'status of another version': (account) => {
    storeAged(account, 20 * MINUTE);
    account.nowMs = START_MS - MINUTE;
    storeToken(account, issueToken(account, HOUR).value, CONFIGURED.encryptionKey);
  },
  'token deleted': (account) => {
    storeAged(account, 20 * MINUTE);
    account.versions.pop();
  },
  'another key': (account) => storeAged(account, 20 * MINUTE, { encryptionKey: null }),
  'another source': (account) => storeAged(account, 20 * MINUTE, { source: 'fedcba9876543210' }),
};

const REQUESTS: Readonly<Record<string, RefreshRequest>> = {
  beat: { kind: 'beat' },
  force: { kind: 'force' },
  minRemaining: { kind: 'min-remaining', minRemainingMs: 45 * MINUTE },
  'secret changed': { kind: 'secret-changed' },
};

const LIFETIMES: Readonly<Record<string, readonly number[]>> = {
  'equal lifetimes': [HOUR],
  'unequal lifetimes': [2 * HOUR, HOUR / 2, HOUR],
};

/** All ways to choose `count` names, without regard to their order where that makes no difference. */
function choose(names: readonly string[], count: number, isOrdered: boolean): string[][] {
  if (count === 0) return [[]];
  return names.flatMap((name, index) =>
    choose(isOrdered ? names : names.slice(index), count - 1, isOrdered).map((rest) => [name, ...rest]),
  );
}

const DEFAULTS = {
  /** How many invocations. */
  count: 2,
  /** One after the other, as reserved concurrency has it. Otherwise on instances of their own, all at once. */
  onOneInstance: false,
  server: 'many live tokens' as Server['kind'],
  hasProbe: true,
  /** Whether the server may answer the request first that was sent last. */
  requestsCross: false,
  kinds: Object.keys(REQUESTS),
  lifetimes: Object.keys(LIFETIMES),
};

/** The beginning of an execution. */
export interface Scenario extends Omit<typeof DEFAULTS, 'count' | 'kinds' | 'lifetimes'> {
  readonly name: string;
  /** Makes the account anew: each schedule has its own. */
  readonly account: () => VirtualAccount;
  readonly requests: readonly RefreshRequest[];
  readonly lifetimesMs: readonly number[];
}

/** Every start with every choice of requests. */
export function scenarios(options: Partial<typeof DEFAULTS>): Scenario[] {
  const { count, kinds, lifetimes, ...how } = { ...DEFAULTS, ...options };
  return Object.entries(STARTS).flatMap(([start, arrange]) => {
    const first = createAccount(START_MS, { kind: how.server, idleTimeoutMs: null });
    arrange(first);
    first.nowMs = START_MS;
    return lifetimes.flatMap((lives) =>
      choose(kinds, count, how.onOneInstance).map((names) => ({
        name: `${start}, ${names.join(' + ')}, ${lives}`,
        account: () => ({
          ...first,
          versions: [...first.versions],
          issued: first.issued.map((token) => ({ ...token })),
        }),
        requests: names.flatMap((name) => REQUESTS[name] ?? []),
        lifetimesMs: LIFETIMES[lives] ?? [],
        ...how,
      })),
    );
  });
}
