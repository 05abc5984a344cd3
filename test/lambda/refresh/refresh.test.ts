import { type FailureCode, isRefreshError, RefreshError } from '../../../lambda/errors.ts';
import type { MintedToken } from '../../../lambda/mint/minter.ts';
import { createMemory, type Invocation, type Observations } from '../../../lambda/refresh/invocation.ts';
import type { Policy } from '../../../lambda/refresh/planner.ts';
import {
  CANARY,
  type Call,
  type CallName,
  createAccount,
  type IssuedToken,
  invokeRefresh,
  isLive,
  type Server,
  storeStatus,
  storeToken,
  tokenOf,
  virtualMinter,
} from '../../../local/simulation/virtual-account.ts';

/**
 * The use case between decisions (planner.test.ts) and the order and loss of calls (the explorer): what is written, what
 * is remembered, and what an invocation answers.
 */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.parse('2026-11-20T14:00:00.000Z');
const CONFIGURED = { source: '0123456789abcdef', encryptionKey: null };
const OTHER_SOURCE = { source: 'fedcba9876543210' };
const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/1';
const BEAT = { kind: 'beat' } as const;
const FORCE = { kind: 'force' } as const;
const asking = (minutes: number) => ({ kind: 'min-remaining', minRemainingMs: minutes * MINUTE }) as const;
const at = (minutes: number) => new Date(START + minutes * MINUTE);

interface Options extends Partial<Server> {
  readonly hasProbe?: boolean;
}

/** A virtual account, and instances of the function. */
function openWorld({ kind = 'many live tokens', idleTimeoutMs = null, hasProbe = false }: Options = {}) {
  const account = createAccount(START, { kind, idleTimeoutMs });
  const calls: CallName[] = [];
  const call: Call = async (name, { effect, failure }) => {
    calls.push(name);
    world.before[name]?.();
    return world.failing.has(name) ? failure() : effect();
  };
  const world = {
    account,
    calls,
    failing: new Set<CallName>(),
    /** Changes of each minted token. */
    minted: {} as { -readonly [Key in keyof MintedToken]?: MintedToken[Key] },
    refusal: undefined as RefreshError | undefined,
    /** Runs before a call takes effect. */
    before: {} as Partial<Record<CallName, () => void>>,
    advance: (minutes: number) => {
      account.nowMs += minutes * MINUTE;
    },
    count: (name: string) => calls.filter((one) => one === name).length,
    stored: () => account.versions.at(-1)?.value,
    revoke: () => {
      const token = tokenOf(account, world.stored());
      if (token !== undefined) token.endedMs = account.nowMs;
    },
    status: () => account.status?.status,
    instance(configured: Partial<Policy> = {}) {
      const memory = createMemory();
      const policy = { ...CONFIGURED, ...configured };
      const now = () => new Date(account.nowMs);
      const seen: Observations[] = [];
      const minter = virtualMinter(account, call, { now, lifetimesMs: [HOUR], hasProbe });
      const mint: typeof minter.mint = async (options) => {
        if (world.refusal !== undefined) throw world.refusal;
        return { ...(await minter.mint(options)), ...world.minted };
      };
      const invoke = async (request: Invocation['request'] = BEAT) => {
        const observations: Observations = { remainingMs: null, warnings: [] };
        seen.push(observations);
        const options = { request, memory, observations, policy, minter: { ...minter, mint } };
        return await invokeRefresh(account, call, options);
      };
      const failure = async (request?: Invocation['request']): Promise<FailureCode | 'none'> =>
        await invoke(request).then(
          () => 'none',
          (error) => (isRefreshError(error) ? error.code : Promise.reject(error)),
        );
      return { invoke, failure, seen };
    },
  };
  return world;
}

/** The same after a first invocation, which stores a token of one hour. */
async function openWithToken(options?: Options) {
  const world = openWorld(options);
  const fn = world.instance();
  await fn.invoke();
  return { world, fn };
}

const refusal = (code: FailureCode, retryAfterMs?: number) => new RefreshError(code, 'No.', { retryAfterMs });

test('the first token: two writes, and a result and a status that describe it', async () => {
  const world = openWorld();

  const result = await world.instance({ longestJobMs: 45 * MINUTE }).invoke();

  expect(world.calls).toEqual(['read', 'read-secret', 'mint', 'write-token', 'write-status']);
  expect(result).toEqual({
    outcome: 'refreshed',
    reason: 'no-token',
    satisfied: true,
    tokenVersion: 1,
    fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/),
    issuedAt: '2026-11-20T14:00:00.000Z',
    expiresAt: '2026-11-20T15:00:00.000Z',
    remainingSeconds: 3600,
  });
  expect(world.status()).toEqual({
    token: {
      version: 1,
      fingerprint: result.fingerprint,
      issuedAt: at(0),
      expiresAt: at(60),
      refreshDueAt: at(7.5),
      provider: 'oauth2',
      ...CONFIGURED,
      secretStage: 'AWSCURRENT',
      jobGuaranteeMs: 45 * MINUTE,
    },
    provider: 'oauth2',
    lastFailure: null,
  });
});

test('a beat with a fresh token makes one call; one with a due token tells the life that was left', async () => {
  const { world, fn } = await openWithToken();
  world.advance(47);
  const before = world.calls.length;

  const fresh = await fn.invoke();
  const calls = world.calls.slice(before);
  world.advance(3);
  const due = await fn.invoke();

  expect(fresh).toMatchObject({ outcome: 'still-fresh', reason: 'not-due', remainingSeconds: 780 });
  expect(calls).toEqual(['read']);
  expect(due).toMatchObject({ outcome: 'refreshed', reason: 'age', tokenVersion: 2 });
  expect(fn.seen.map(({ remainingMs }) => remainingMs)).toEqual([0, 13 * MINUTE, 10 * MINUTE]);
});

describe('a mint that fails', () => {
  test('keeps the token, and is stored when its count doubles or its code changes', async () => {
    const { world, fn } = await openWithToken();
    const before = world.stored();
    world.refusal = refusal('TOKEN_ENDPOINT_UNAVAILABLE');
    world.advance(50);
    for (let beat = 1; beat <= 5; beat += 1) {
      expect(await fn.failure()).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
      world.advance(1);
    }

    expect(world.stored()).toBe(before);
    // The first token's, then the failure as number 1, 2 and 4.
    expect(world.count('write-status')).toBe(4);
    expect(world.status()?.lastFailure).toMatchObject({ consecutive: 4 });
    world.refusal = refusal('SECRET_UNAVAILABLE');
    expect(await fn.failure()).toBe('SECRET_UNAVAILABLE');
    expect(world.status()?.lastFailure).toMatchObject({ code: 'SECRET_UNAVAILABLE', consecutive: 6 });
    world.refusal = undefined;
    world.advance(1);
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed', reason: 'age' });
    expect(world.status()?.lastFailure).toBeNull();
  });

  test('is stored before the first token; an error without a code has one', async () => {
    const world = openWorld();
    world.minted.warnings = null as unknown as [];

    expect(await world.instance().failure()).toBe('TOKEN_ENDPOINT_UNAVAILABLE');

    expect(world.status()).toMatchObject({
      token: null,
      lastFailure: { code: 'TOKEN_ENDPOINT_UNAVAILABLE' },
    });
  });

  test('tells its code while its backoff runs, also on a new instance and if no mint is due', async () => {
    const { world, fn } = await openWithToken();
    world.advance(1);
    world.refusal = refusal('TOKEN_ENDPOINT_THROTTLED', 4 * MINUTE);
    await fn.failure(FORCE);

    world.advance(1);
    const during = await world.instance().invoke();
    const asked = await world.instance().invoke(asking(59));
    world.advance(4);
    const after = await fn.invoke();

    expect(during).toMatchObject({ reason: 'not-due', failure: 'TOKEN_ENDPOINT_THROTTLED' });
    expect(asked).toMatchObject({ reason: 'backoff', satisfied: false });
    expect(after).not.toHaveProperty('failure');
    expect(await fn.failure(FORCE)).toBe('TOKEN_ENDPOINT_THROTTLED');
  });

  test('keeps the description of a token whose status could not be written', async () => {
    const { world, fn } = await openWithToken();
    world.advance(50);
    world.failing.add('write-status');
    world.before.read = () => {
      if (world.account.versions.length === 2) world.failing.clear();
    };

    expect(await fn.failure()).toBe('PARAMETER_NOT_WRITTEN');

    expect(world.status()).toMatchObject({ token: { version: 2 }, lastFailure: null });
    expect(await fn.invoke()).toMatchObject({ outcome: 'still-fresh', reason: 'not-due', tokenVersion: 2 });
  });
});

test.each<[string, (account: ReturnType<typeof createAccount>) => void, number]>([
  ['another invocation wrote', (account) => storeToken(account, 'other', null), 4],
  ['the parameter was deleted', (account) => account.versions.splice(0), 1],
])('if %s before a write, no status is written, and the next beat mints', async (_, meanwhile, version) => {
  const { world, fn } = await openWithToken();
  await fn.invoke(FORCE);
  const before = world.account.status?.text;
  world.before.mint = () => meanwhile(world.account);

  const result = await fn.invoke(FORCE);
  const after = world.account.status?.text;
  world.before = {};

  expect(result).toMatchObject({ outcome: 'still-fresh', reason: 'concurrent-mint', tokenVersion: version });
  expect(after).toBe(before);
  expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed', reason: 'version-mismatch' });
  // The life of a token that the status does not describe is unknown.
  expect(fn.seen.at(-1)?.remainingMs).toBeNull();
  expect(world.status()?.token?.version).toBe(version + 1);
});

test('a secret that the server goes on refusing fails beats from 15 minutes on, until the server accepts it', async () => {
  const { world, fn } = await openWithToken();
  world.minted.secretStage = 'AWSPREVIOUS';
  await fn.invoke(FORCE);
  const { token } = world.status() ?? {};
  world.advance(14);
  // A job's request mints again: the refusal is as old as before.
  expect(await fn.invoke(asking(59))).toMatchObject({ outcome: 'refreshed' });
  const codes: string[] = [];
  for (let beat = 0; beat < 4; beat += 1) {
    world.advance(1);
    codes.push(await fn.failure());
    expect(world.status()?.token?.version).toBe(world.account.versions.length);
  }

  expect(token).toMatchObject({ secretStage: 'AWSPREVIOUS', fallbackSince: at(0) });
  // By the backoff.
  expect(codes).toEqual(['TOKEN_REJECTED', 'TOKEN_REJECTED', 'none', 'TOKEN_REJECTED']);
  world.minted.secretStage = 'AWSCURRENT';
  world.advance(5);
  expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed', reason: 'secret-stage' });
  expect(world.status()?.token).not.toHaveProperty('fallbackSince');
  expect(world.status()?.lastFailure).toBeNull();
});

describe('a server that returns the stored token again', () => {
  test('is asked again on each beat once the token is due, and nothing is written', async () => {
    const { world, fn } = await openWithToken({ kind: 'same token' });
    world.advance(50);

    for (let beat = 0; beat < 3; beat += 1) {
      const result = await fn.invoke();
      expect(result).toMatchObject({ outcome: 'still-fresh', reason: 'same-token', tokenVersion: 1 });
      world.advance(1);
    }

    expect(world.count('mint')).toBe(4);
    expect(world.calls.filter((name) => name.startsWith('write'))).toHaveLength(2);
    expect(fn.seen.at(-1)?.warnings.join()).toContain('returned the stored token again');
  });

  test('does not make each request for more life ask the server', async () => {
    const { world, fn } = await openWithToken({ kind: 'same token' });
    world.advance(30);

    for (let times = 0; times < 5; times += 1)
      expect(await fn.invoke(asking(45))).toMatchObject({ satisfied: false });

    expect(world.count('mint')).toBe(2);
  });

  /** The virtual server would return another token when its own has expired. */
  const liveOn = ({ account }: ReturnType<typeof openWorld>) => {
    account.issued[0] = { ...(account.issued[0] as IssuedToken), expiresMs: START + 1e9 };
  };
  /** Lets the next token expire after these minutes; `null`: without a believable claim, so that 15 minutes are assumed. */
  const claim = ({ minted, account }: ReturnType<typeof openWorld>, minutes: number | null) => {
    minted.isLifetimeAssumed = minutes === null;
    minted.expiresAt = new Date(minutes === null ? account.nowMs + 15 * MINUTE : START + minutes * MINUTE);
  };
  test.each([
    ['an earlier claim counts', 60, 20, 30, 30],
    ['a later claim does not', 60, 20, 90, 60],
    ['the life that was assumed does not limit what it affirms', null, 15, null, 30],
    ['a claim counts from then on', null, 15, 40, 40],
    ['its earlier claim counts', 60, 50, null, 60],
    ['its earlier claim counts, until it has passed', 60, 62, null, 77],
  ])('%s, and its time of issue stays', async (_, first, age, second, expected) => {
    const world = openWorld({ kind: 'same token' });
    const fn = world.instance();
    claim(world, first);
    await fn.invoke();
    liveOn(world);
    world.advance(age);
    claim(world, second);

    expect(await fn.invoke(FORCE)).toMatchObject({ reason: 'same-token', satisfied: true, tokenVersion: 1 });
    expect(world.status()?.token).toMatchObject({ issuedAt: at(0), expiresAt: at(expected) });
  });

  test('is believed for 48 hours; then the token is written again, as a new one', async () => {
    const { world, fn } = await openWithToken({ kind: 'same token' });
    liveOn(world);
    world.advance(48 * 60 - 15);
    claim(world, null);
    expect(await fn.invoke()).toMatchObject({ reason: 'same-token', satisfied: true });
    world.advance(1);
    claim(world, null);

    expect(await fn.invoke(FORCE)).toMatchObject({ outcome: 'refreshed', tokenVersion: 2 });
  });

  test('has it encrypted again if another key is configured, and never stores one that was refused', async () => {
    const { world } = await openWithToken({ kind: 'same token', hasProbe: true });
    const other = world.instance({ encryptionKey: KEY });

    expect(await other.invoke()).toMatchObject({ reason: 'other-key', tokenVersion: 2 });
    world.revoke();
    world.advance(4);

    expect(await other.failure()).toBe('TOKEN_UNUSABLE');
  });
});

type Lie = (now: (minutes: number) => string) => object;
const backoff = (now: Parameters<Lie>[0]) => ({
  lastFailure: { code: 'TOKEN_ENDPOINT_THROTTLED', at: now(0), consecutive: 1, retryAt: now(59) },
});
test.each<[string, Lie]>([
  ['it was issued now', (now) => ({ issuedAt: now(0), refreshDueAt: now(1), expiresAt: now(60) })],
  ['it is another version', () => ({ tokenVersion: 99 })],
  ['the server wants to be left alone', backoff],
  ['both a long life and a backoff', (now) => ({ expiresAt: now(2 * 24 * 60), ...backoff(now) })],
])('a lie in the status before each beat keeps no dead token without an alarm: %s', async (_, lie) => {
  const { world, fn } = await openWithToken();
  const now = (minutes: number) => new Date(world.account.nowMs + minutes * MINUTE).toISOString();
  for (let minute = 0; minute < 6 * 60; minute += 1) {
    world.advance(1);
    const said = JSON.parse(world.account.status?.text ?? '{}');
    storeStatus(world.account, JSON.stringify({ ...said, ...lie(now) }));
    await fn.failure();
    const remaining = fn.seen.at(-1)?.remainingMs ?? 0;
    if (!isLive(world.account, world.stored())) expect(remaining).toBeLessThanOrEqual(9 * MINUTE);
  }
});

describe('where the provider has a probe', () => {
  test('a token that it refuses does not replace the live one', async () => {
    const { world, fn } = await openWithToken({ hasProbe: true });
    const before = world.stored();
    world.minted.accessToken = `${CANARY}-unknown`;

    expect(await fn.failure(FORCE)).toBe('TOKEN_UNUSABLE');

    expect(world.stored()).toBe(before);
  });

  test('the instance that stored the token keeps it alive without decrypting it; another decrypts it once', async () => {
    const { world, fn } = await openWithToken({ hasProbe: true });
    const beats = async (instance: typeof fn) => {
      world.calls.length = 0;
      for (let beat = 0; beat < 9; beat += 1) {
        world.advance(1);
        await instance.invoke();
      }
      return ['probe', 'read-token'].map(world.count);
    };

    expect(await beats(fn)).toEqual([4, 0]);
    expect(await beats(world.instance())).toEqual([5, 1]);
    await fn.invoke();
    await world.instance().invoke(FORCE);
    world.calls.length = 0;
    await fn.invoke();
    expect(world.count('probe')).toBe(1);
  });

  test('a probe that is not answered proves nothing, and the token is stored', async () => {
    const world = openWorld({ hasProbe: true });
    world.failing.add('probe');
    world.minted.warnings = ['From the server.'];
    const fn = world.instance();

    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed' });

    expect(fn.seen[0]?.warnings).toEqual([
      'From the server.',
      expect.stringContaining('stored without proof'),
    ]);
  });

  test('an inactivity timeout does not end the stored token, not even during an outage', async () => {
    const { world, fn } = await openWithToken({ hasProbe: true, idleTimeoutMs: 5 * MINUTE });
    world.refusal = refusal('TOKEN_ENDPOINT_UNAVAILABLE');

    for (let beat = 0; beat < 47; beat += 1) {
      world.advance(1);
      await fn.failure(asking(59));
      expect(isLive(world.account, world.stored())).toBe(true);
    }

    expect(world.count('probe')).toBeLessThanOrEqual(26);
  });

  test('a revoked token is detected and replaced', async () => {
    const { world, fn } = await openWithToken({ hasProbe: true });
    world.revoke();
    world.advance(4);

    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed', reason: 'keep-alive-refused' });

    expect(fn.seen.at(-1)?.remainingMs).toBe(0);
    expect(isLive(world.account, world.stored())).toBe(true);
  });

  test('a token of another source is not sent to the hosts of this one, not even after a failed mint', async () => {
    const world = openWorld({ hasProbe: true });
    await world.instance().invoke();
    const probes = world.count('probe');
    world.advance(5);
    world.refusal = refusal('TOKEN_ENDPOINT_UNAVAILABLE');

    await world.instance(OTHER_SOURCE).failure();

    expect(world.count('probe')).toBe(probes);
  });
});
