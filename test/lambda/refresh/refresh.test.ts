import { type FailureCode, isRefreshError, RefreshError } from '../../../lambda/errors.ts';
import type { MintedToken } from '../../../lambda/mint/minter.ts';
import { createClock } from '../../../lambda/refresh/clock.ts';
import type { Policy } from '../../../lambda/refresh/planner.ts';
import {
  createMemory,
  type Observations,
  type RefreshOptions,
  refresh,
} from '../../../lambda/refresh/refresh.ts';
import {
  CANARY,
  type Call,
  type CallName,
  createAccount,
  type IssuedToken,
  isLive,
  type Server,
  storeStatus,
  storeToken,
  tokenOf,
  virtualMinter,
  virtualParameters,
} from '../../../local/simulation/virtual-account.ts';

/**
 * The use case between decisions (planner.test.ts) and the order and loss of calls (the explorer): what is written, what
 * is remembered, and what an invocation answers.
 */
const MINUTE = 60_000;
const START = Date.parse('2026-11-20T14:00:00.000Z');
const SOURCE = '0123456789abcdef';
const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/1';
const BEAT = { kind: 'beat' } as const;
const FORCE = { kind: 'force' } as const;
const asking = (minutes: number) => ({ kind: 'min-remaining', minRemainingMs: minutes * MINUTE }) as const;

interface Options {
  readonly kind?: Server['kind'];
  readonly idleTimeoutMs?: number;
  readonly hasProbe?: boolean;
}

/** A virtual account, and instances of the function. */
function openWorld({ kind = 'many live tokens', idleTimeoutMs, hasProbe = false }: Options = {}) {
  const account = createAccount(START, { kind, idleTimeoutMs: idleTimeoutMs ?? null });
  const calls: CallName[] = [];
  const failing = new Set<CallName>();
  /** Changes of each minted token, and the failure of each mint. */
  const minted: { -readonly [Key in keyof MintedToken]?: MintedToken[Key] } = {};
  const world = {
    account,
    calls,
    failing,
    minted,
    refusal: undefined as RefreshError | undefined,
    /** Runs before a call takes effect. */
    before: {} as Partial<Record<CallName, () => void>>,
    advance: (minutes: number) => {
      account.nowMs += minutes * MINUTE;
    },
    stored: () => account.versions.at(-1)?.value,
    revoke: () => {
      const token = tokenOf(account, world.stored());
      if (token !== undefined) token.endedMs = account.nowMs;
    },
    status: () => account.status?.status,
    statusWrites: () => calls.filter((name) => name === 'write-status').length,
    mints: () => calls.filter((name) => name === 'mint').length,
    instance(configured: Partial<Policy> = {}) {
      const memory = createMemory();
      const policy = { refreshIntervalMs: 50 * MINUTE, source: SOURCE, encryptionKey: null, ...configured };
      const clock = createClock(() => new Date(account.nowMs));
      const parameters = virtualParameters(account, call, policy.encryptionKey);
      const minter = virtualMinter(account, call, { now: clock.now, lifetimesMs: [60 * MINUTE], hasProbe });
      const mint: typeof minter.mint = async (options) => {
        if (world.refusal !== undefined) throw world.refusal;
        return { ...(await minter.mint(options)), ...minted };
      };
      const seen: Observations[] = [];
      const invoke = async (request: RefreshOptions['request'] = BEAT) => {
        const observations: Observations = { remainingMs: null, warnings: [] };
        seen.push(observations);
        const { signal } = new AbortController();
        return await refresh({
          request,
          parameters,
          loadMinter: async () => ({ ...minter, mint }),
          hasProbe,
          clock,
          policy,
          provider: 'oauth2',
          memory,
          observations,
          signal,
          recordingSignal: () => signal,
        });
      };
      const failure = async (request?: RefreshOptions['request']): Promise<FailureCode | 'none'> =>
        await invoke(request).then(
          () => 'none',
          (error) => (isRefreshError(error) ? error.code : Promise.reject(error)),
        );
      return { invoke, failure, seen };
    },
  };
  const call: Call = async (name, { effect, failure }) => {
    calls.push(name);
    world.before[name]?.();
    return failing.has(name) ? failure() : effect();
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
  const fn = world.instance();

  const result = await fn.invoke();

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
      issuedAt: new Date(START),
      expiresAt: new Date(START + 60 * MINUTE),
      refreshDueAt: new Date(START + 50 * MINUTE),
      provider: 'oauth2',
      source: SOURCE,
      encryptionKey: null,
      secretStage: 'AWSCURRENT',
      jobGuaranteeMs: null,
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

test('the life of a token that the status does not describe is unknown', async () => {
  const world = openWorld();
  storeToken(world.account, 'by-hand', null);
  const fn = world.instance();

  await fn.invoke();

  expect(fn.seen[0]?.remainingMs).toBeNull();
});

test.each([
  [60, 45 * MINUTE, 7.5],
  [49, null, (49 * 5) / 6],
])('with jobs of 45 minutes, a token of %i minutes guarantees %p ms', async (minutes, expected, due) => {
  const world = openWorld();
  world.minted.expiresAt = new Date(START + minutes * MINUTE);

  await world.instance({ longestJobMs: 45 * MINUTE }).invoke();

  expect(world.status()?.token?.jobGuaranteeMs).toBe(expected);
  expect(world.status()?.token?.refreshDueAt).toEqual(new Date(START + due * MINUTE));
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
    expect(world.statusWrites()).toBe(4);
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

  test('whose status cannot be kept: memory alone keeps 20 requests from making 20 tokens', async () => {
    const world = openWorld();
    world.failing.add('write-status');
    const fn = world.instance();

    for (let request = 0; request < 20; request += 1) await fn.failure(asking(1));

    expect(world.mints()).toBe(1);
    await fn.failure(FORCE);
    expect(world.mints()).toBe(2);
    expect(fn.seen.at(-1)?.warnings.join()).toContain('could not be written to the status');
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

describe('a write whose version does not follow the one that was read', () => {
  test.each<[string, (account: ReturnType<typeof createAccount>) => void, number]>([
    ['another invocation wrote', (account) => storeToken(account, 'other', null), 4],
    ['the parameter was deleted', (account) => account.versions.splice(0), 1],
  ])('writes no status, and the next beat mints: %s', async (_, meanwhile, version) => {
    const { world, fn } = await openWithToken();
    world.advance(1);
    await fn.invoke(FORCE);
    world.advance(1);
    const before = world.account.status?.text;
    world.before.mint = () => meanwhile(world.account);

    const result = await fn.invoke(FORCE);
    const after = world.account.status?.text;
    world.before = {};
    world.advance(1);

    expect(result).toMatchObject({ outcome: 'still-fresh', reason: 'concurrent-mint', satisfied: true });
    expect(result.tokenVersion).toBe(version);
    expect(after).toBe(before);
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed', reason: 'version-mismatch' });
    expect(world.status()?.token?.version).toBe(version + 1);
  });
});

describe('a secret that the server goes on refusing', () => {
  test('is told, fails beats after 15 minutes by the backoff, and ends when the server accepts it', async () => {
    const world = openWorld();
    const fn = world.instance();
    world.minted.secretStage = 'AWSPREVIOUS';
    await fn.invoke();
    const { token } = world.status() ?? {};
    world.advance(14);
    // A job's request mints again: the refusal is as old as before.
    expect(await fn.invoke(asking(59))).toMatchObject({ outcome: 'refreshed' });
    world.advance(1);
    const failed: number[] = [];
    for (let beat = 0; beat < 20; beat += 1) {
      if ((await fn.failure()) === 'TOKEN_REJECTED') failed.push(beat);
      expect(world.status()?.token?.version).toBe(world.account.versions.length);
      world.advance(1);
    }

    expect(token).toMatchObject({ secretStage: 'AWSPREVIOUS', fallbackSince: new Date(START) });
    // After 1, 2, 4, then every 5 minutes.
    expect(failed).toEqual([0, 1, 3, 7, 12, 17]);
    expect(world.status()?.lastFailure).toMatchObject({ code: 'TOKEN_REJECTED', consecutive: 6 });
    expect(await fn.invoke(FORCE)).toMatchObject({ outcome: 'refreshed' });
    world.minted.secretStage = 'AWSCURRENT';
    world.advance(5);
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed', reason: 'secret-stage' });
    expect(world.status()?.token?.fallbackSince).toBeUndefined();
    expect(world.status()?.lastFailure).toBeNull();
  });
});

describe('a server that returns the stored token again', () => {
  test('is asked again on each beat once the token is due, and nothing is written', async () => {
    const { world, fn } = await openWithToken({ kind: 'same token' });
    world.advance(50);

    const results = [];
    for (let beat = 0; beat < 3; beat += 1) {
      results.push(await fn.invoke());
      world.advance(1);
    }

    for (const result of results) {
      expect(result).toMatchObject({ outcome: 'still-fresh', reason: 'same-token', tokenVersion: 1 });
    }
    expect(world.mints()).toBe(4);
    expect(world.calls.filter((name) => name.startsWith('write'))).toHaveLength(2);
    expect(fn.seen.at(-1)?.warnings.join()).toContain('returned the stored token again');
  });

  test('does not make each request for more life ask the server', async () => {
    const { world, fn } = await openWithToken({ kind: 'same token' });
    world.advance(30);

    for (let times = 0; times < 5; times += 1)
      expect(await fn.invoke(asking(45))).toMatchObject({ satisfied: false });

    expect(world.mints()).toBe(2);
  });

  test.each([
    ['an earlier expiry counts', 30, 30],
    ['a later expiry does not', 90, 60],
  ])('%s, and its time of issue stays', async (_, claimed, expected) => {
    const { world, fn } = await openWithToken({ kind: 'same token' });
    world.advance(20);
    world.minted.expiresAt = new Date(START + claimed * MINUTE);

    await fn.invoke(FORCE);

    expect(world.status()?.token).toMatchObject({
      version: 1,
      issuedAt: new Date(START),
      expiresAt: new Date(START + expected * MINUTE),
    });
  });

  const assumed = (world: ReturnType<typeof openWorld>) => {
    world.minted.isLifetimeAssumed = true;
    world.minted.expiresAt = new Date(world.account.nowMs + 15 * MINUTE);
  };
  test.each<[string, number, number, boolean, number]>([
    ['the life that was assumed does not limit what it affirms', 15, 15, true, 30],
    ['a claim counts from then on', 15, 15, false, 40],
    ['its earlier claim counts', 60, 50, true, 60],
    ['its earlier claim counts, until it has passed', 60, 62, true, 77],
  ])('without a believable lifetime: %s', async (_, first, age, isAssumed, expected) => {
    const world = openWorld({ kind: 'same token' });
    const fn = world.instance();
    if (first === 15) assumed(world);
    await fn.invoke();
    world.advance(age);
    // The virtual server would return another token when its own has expired.
    world.account.issued[0] = { ...(world.account.issued[0] as IssuedToken), expiresMs: START + 1e9 };
    if (isAssumed) assumed(world);
    else Object.assign(world.minted, { isLifetimeAssumed: false, expiresAt: new Date(START + 40 * MINUTE) });

    const result = await fn.invoke();

    expect(result).toMatchObject({ reason: 'same-token', satisfied: true, tokenVersion: 1 });
    expect(world.status()?.token).toMatchObject({
      issuedAt: new Date(START),
      expiresAt: new Date(START + expected * MINUTE),
    });
  });

  test('for three days without a lifetime is live all the time, also for each new instance', async () => {
    const world = openWorld({ kind: 'same token' });
    let fn = world.instance();
    for (let minute = 0; minute < 3 * 24 * 60; minute += 1) {
      assumed(world);
      if (minute % 100 === 0) fn = world.instance();
      await fn.invoke();
      world.account.issued[0] = { ...(world.account.issued[0] as IssuedToken), expiresMs: START + 1e9 };
      world.advance(1);
      const { expiresAt } = world.status()?.token ?? {};
      if (Number(expiresAt) <= world.account.nowMs) throw new Error(`Expired in minute ${minute}.`);
    }

    expect(world.account.issued).toHaveLength(1);
    expect(world.account.versions.length).toBeLessThanOrEqual(2);
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

describe('somebody who may write the status, and writes a lie before each beat', () => {
  const DAYS = 2 * 24 * 60;
  type Lie = (document: Record<string, unknown>, now: (minutes: number) => string) => void;
  const backoff = (now: (minutes: number) => string) => ({
    ...{ code: 'TOKEN_ENDPOINT_THROTTLED', at: now(0), consecutive: 1, retryAt: now(59) },
  });
  test.each<[string, Lie]>([
    [
      'issuedAt is now',
      (said, now) => Object.assign(said, { issuedAt: now(0), refreshDueAt: now(1), expiresAt: now(60) }),
    ],
    [
      'all times are later',
      (said, now) => Object.assign(said, { issuedAt: now(1), refreshDueAt: now(60), expiresAt: now(999) }),
    ],
    ['the token lives for two days', (said, now) => Object.assign(said, { expiresAt: now(2 * 24 * 60) })],
    ['it is another version', (said) => Object.assign(said, { tokenVersion: 99 })],
    ['no token is stored', (said) => Object.assign(said, { tokenVersion: null })],
    ['another source', (said) => Object.assign(said, { source: 'fedcba9876543210' })],
    ['no source, no key', (said) => Object.assign(said, { source: null, encryptionKey: null })],
    ['another fingerprint', (said) => Object.assign(said, { fingerprint: 'ffffffffffff' })],
    ['the server wants to be left alone', (said, now) => Object.assign(said, { lastFailure: backoff(now) })],
    [
      'both a long life and a server that wants to be left alone',
      (said, now) => Object.assign(said, { expiresAt: now(2 * 24 * 60), lastFailure: backoff(now) }),
    ],
  ])('keeps no dead token alive without an alarm: %s', async (_, lie) => {
    const { world, fn } = await openWithToken();
    let silent = 0;
    for (let minute = 0; minute < DAYS; minute += 1) {
      world.advance(1);
      const now = (minutes: number) => new Date(world.account.nowMs + minutes * MINUTE).toISOString();
      const said = JSON.parse(world.account.status?.text ?? '{}');
      lie(said, now);
      storeStatus(world.account, JSON.stringify(said));
      await fn.failure();
      const remaining = fn.seen.at(-1)?.remainingMs ?? 0;
      if (!isLive(world.account, world.stored()) && remaining > 9 * MINUTE) silent += 1;
    }

    expect(silent).toBe(0);
  });
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
      return ['probe', 'read-token'].map((name) => world.calls.filter((call) => call === name).length);
    };

    expect(await beats(fn)).toEqual([4, 0]);
    expect(await beats(world.instance())).toEqual([5, 1]);
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

  test.each([
    ['of five minutes', undefined, BEAT],
    ['during an outage of the token endpoint', refusal('TOKEN_ENDPOINT_UNAVAILABLE'), asking(59)],
  ])('an inactivity timeout does not end the stored token: %s', async (_, outage, request) => {
    const { world, fn } = await openWithToken({ hasProbe: true, idleTimeoutMs: 5 * MINUTE });
    world.refusal = outage;

    for (let beat = 0; beat < 47; beat += 1) {
      world.advance(1);
      await fn.failure(request);
      expect(isLive(world.account, world.stored())).toBe(true);
    }

    expect(world.calls.filter((name) => name === 'probe').length).toBeLessThanOrEqual(26);
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
    const probes = world.calls.filter((name) => name === 'probe').length;
    world.advance(5);
    world.refusal = refusal('TOKEN_ENDPOINT_UNAVAILABLE');

    await world.instance({ source: 'fedcba9876543210' }).failure();

    expect(world.calls.filter((name) => name === 'probe')).toHaveLength(probes);
  });
});
