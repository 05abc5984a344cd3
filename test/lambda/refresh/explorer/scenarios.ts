import { serializeStatus, type TokenDescription } from '../../../../lambda/refresh/status.ts';
import type { RefreshRequest, Scenario } from './scenario.ts';
import {
  CONFIGURED,
  issueToken,
  MINUTE,
  type ServerKind,
  START_MS,
  type VirtualAccount,
} from './virtual-account.ts';

const HOUR = 60 * MINUTE;

function emptyAccount(): VirtualAccount {
  return { nowMs: START_MS, token: null, status: null, issued: [], history: new Map(), written: new Set() };
}

/** An account with a token of this age, which lives an hour, and the status that describes it. */
function accountWith(ageMs: number, change: Partial<TokenDescription> = {}): VirtualAccount {
  const account = emptyAccount();
  const requestedMs = START_MS - ageMs;
  const { value, fingerprint } = issueToken(account, { requestedMs, lifetimeMs: HOUR });
  const description: TokenDescription = {
    version: 1,
    fingerprint,
    issuedAt: new Date(requestedMs),
    expiresAt: new Date(requestedMs + HOUR),
    refreshDueAt: new Date(requestedMs + 50 * MINUTE),
    provider: 'oauth2',
    ...CONFIGURED,
    ...change,
  };
  const text = serializeStatus({ token: description, provider: 'oauth2', lastFailure: null });
  account.token = { value, version: 1, key: description.encryptionKey ?? null, writtenMs: requestedMs };
  account.status = { text, writtenMs: requestedMs };
  account.history.set(1, value);
  account.written.add(value);
  return account;
}

const STARTS: Readonly<Record<string, () => VirtualAccount>> = {
  'nothing stored': emptyAccount,
  fresh: () => accountWith(20 * MINUTE),
  due: () => accountWith(49 * MINUTE),
  dead: () => accountWith(61 * MINUTE),
  'status of another version': () => {
    const account = accountWith(20 * MINUTE);
    const { value } = issueToken(account, { requestedMs: START_MS - MINUTE, lifetimeMs: HOUR });
    account.token = { value, version: 2, key: CONFIGURED.encryptionKey, writtenMs: START_MS - MINUTE };
    account.history.set(2, value);
    account.written.add(value);
    return account;
  },
  'token deleted': () => {
    const account = accountWith(20 * MINUTE);
    account.token = null;
    account.history.clear();
    account.written.clear();
    return account;
  },
  'another key': () => accountWith(20 * MINUTE, { encryptionKey: null }),
  'another source': () => accountWith(20 * MINUTE, { source: 'fedcba9876543210' }),
};

export const REQUESTS: Readonly<Record<string, RefreshRequest>> = {
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

/** Every start with every choice of requests. */
export function scenarios(options: {
  readonly requests: number;
  readonly instances: Scenario['instances'];
  readonly server?: ServerKind;
  readonly hasProbe?: boolean;
  readonly requestsCross?: boolean;
  /** @default all of {@link REQUESTS} */
  readonly kinds?: readonly string[];
  /** @default all of them */
  readonly lifetimes?: 'unequal lifetimes';
}): Scenario[] {
  const {
    requests,
    instances,
    server = 'many live tokens',
    hasProbe = true,
    requestsCross = false,
    kinds = Object.keys(REQUESTS),
  } = options;
  const lives = Object.entries(LIFETIMES).filter(([name]) => name === (options.lifetimes ?? name));
  const found: Scenario[] = [];
  for (const [start, account] of Object.entries(STARTS)) {
    for (const [lifetimes, lifetimesMs] of lives) {
      for (const names of choose(kinds, requests, instances === 'one')) {
        const how = instances === 'one' ? 'on one instance' : requestsCross ? 'at once, crossing' : 'at once';
        const probe = hasProbe ? 'a probe' : 'no probe';
        found.push({
          name: `${start}, ${names.join(' + ')} ${how}, ${lifetimes}, ${server}, ${probe}`,
          account,
          requests: names.flatMap((name) => REQUESTS[name] ?? []),
          instances,
          server,
          hasProbe,
          lifetimesMs,
          requestsCross,
        });
      }
    }
  }
  return found;
}
