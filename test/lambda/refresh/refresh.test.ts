import { oauthError, throttled, withMembers } from '../../../local/authorization-server/faults.ts';
import { type Instance, openRefreshHarness, type RefreshHarness } from '../../support/refresh-harness.ts';

const MINUTE = 60_000;

let world: RefreshHarness;
let fn: Instance;
async function start(options: Parameters<typeof openRefreshHarness>[0] = {}): Promise<void> {
  world = await openRefreshHarness(options);
  fn = world.instance();
}
afterEach(() => world.close());

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('did not fail');
    },
    (error: Error & { code: string }) => error,
  );
async function stored() {
  const found = await world.read();
  if (found === undefined) throw new Error('no token is stored');
  return found;
}

describe('a beat', () => {
  test('mints the first token, stores it with its status, and says so', async () => {
    await start();
    const result = await fn.invoke();
    expect(result).toEqual({
      outcome: 'refreshed',
      reason: 'no-token',
      satisfied: true,
      tokenVersion: 1,
      fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/),
      issuedAt: world.now().toISOString(),
      expiresAt: new Date(world.now().getTime() + 60 * MINUTE).toISOString(),
      remainingSeconds: 3600,
    });
    const { accessToken, status } = await stored();
    expect((await world.server.introspect(accessToken)).active).toBe(true);
    expect(status).toMatchObject({
      token: { version: 1, fingerprint: result.fingerprint },
      lastFailure: null,
    });
    expect(status?.token?.refreshDueAt.getTime()).toBe(world.now().getTime() + 50 * MINUTE);
  });

  test('that finds a fresh token makes one AWS call and no other', async () => {
    await start();
    await fn.invoke();
    world.advance(47 * MINUTE);
    const before = world.aws.requests.length;
    expect(await fn.invoke()).toMatchObject({
      outcome: 'still-fresh',
      reason: 'not-due',
      satisfied: true,
      remainingSeconds: 780,
    });
    expect(world.aws.requests.slice(before).map(({ operation }) => operation)).toEqual(['GetParameters']);
    expect(world.server.requests).toHaveLength(1);
  });

  test('that finds an old token mints with four AWS calls, and measures what a reader saw before', async () => {
    await start();
    await fn.invoke();
    world.advance(50 * MINUTE);
    const before = world.aws.requests.length;
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed', reason: 'age', tokenVersion: 2 });
    expect(world.aws.requests.slice(before).map(({ operation }) => operation)).toEqual([
      'GetParameters',
      'GetSecretValue',
      'PutParameter',
      'PutParameter',
    ]);
    expect(fn.seen.map(({ remainingMs }) => remainingMs)).toEqual([0, 10 * MINUTE]);
  });

  test.each([
    ['a token that was overwritten by hand', () => world.overwrite('by-hand'), 'version-mismatch'],
    ['a token that was deleted', () => world.deleteToken(), 'no-token'],
    ['a corrupt status', () => world.writeStatus('{"schemaVersion":1,'), 'status-unreadable'],
  ])('heals %s', async (_, harm, reason) => {
    await start();
    await fn.invoke();
    await harm();
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed', reason });
    const { accessToken, version, status } = await stored();
    expect(status?.token?.version).toBe(version);
    expect((await world.server.introspect(accessToken)).active).toBe(true);
  });

  test('heals a crash between the two writes', async () => {
    await start();
    await fn.invoke();
    world.aws.faults.add({
      match: { operation: 'PutParameter', name: '/ci/test/token-status' },
      fault: { kind: 'deny' },
      times: 2,
    });
    world.advance(50 * MINUTE);
    expect(await failure(fn.invoke())).toMatchObject({ code: 'PARAMETER_NOT_WRITTEN' });
    expect((await stored()).version).toBe(2);
    world.aws.faults.clear();
    world.advance(MINUTE);
    expect(await fn.invoke()).toMatchObject({
      outcome: 'refreshed',
      reason: 'version-mismatch',
      tokenVersion: 3,
    });
    expect((await stored()).status).toMatchObject({ token: { version: 3 }, lastFailure: null });
  });
});

describe('a mint that fails', () => {
  test('leaves the token, is written down once, and is tried again on each beat of an outage', async () => {
    await start();
    await fn.invoke();
    const before = await stored();
    world.server.faults.always('token', { kind: 'answer', status: 503 });
    world.advance(50 * MINUTE);
    for (let beat = 1; beat <= 4; beat += 1) {
      expect(await failure(fn.invoke())).toMatchObject({
        code: 'TOKEN_ENDPOINT_UNAVAILABLE',
        name: 'TOKEN_ENDPOINT_UNAVAILABLE',
      });
      world.advance(MINUTE);
    }
    const after = await stored();
    expect(after).toMatchObject({ accessToken: before.accessToken, version: before.version });
    expect(after.status?.lastFailure).toMatchObject({ code: 'TOKEN_ENDPOINT_UNAVAILABLE', consecutive: 4 });
    // The first token's, then the failure as number 1, 2 and 4.
    expect(world.aws.ssm.parameters.get('/ci/test/token-status')?.versions).toHaveLength(4);
    world.server.faults.clear('token');
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed', reason: 'age' });
    expect((await stored()).status?.lastFailure).toBeNull();
  });

  test('before the first token is written down too', async () => {
    await start();
    world.server.faults.always('token', oauthError(401, 'invalid_client'));
    expect(await failure(fn.invoke())).toMatchObject({ code: 'TOKEN_REJECTED' });
    const status = JSON.parse(
      world.aws.ssm.parameters.get('/ci/test/token-status')?.versions[0]?.value ?? '',
    );
    expect(status).toMatchObject({
      tokenVersion: null,
      lastFailure: { code: 'TOKEN_REJECTED', consecutive: 1 },
    });
  });

  test('with a permanent error is not hammered, also by jobs that ask and by an instance that just started', async () => {
    await start();
    await fn.invoke();
    world.server.faults.always('token', oauthError(401, 'invalid_client'));
    world.advance(50 * MINUTE);
    const failed = async () => (await failure(fn.invoke())).name;
    expect(await failed()).toBe('TOKEN_REJECTED');
    world.advance(MINUTE);
    expect(await failed()).toBe('TOKEN_REJECTED');
    world.advance(MINUTE);
    const requests = world.server.requests.length;
    expect(await fn.invoke()).toMatchObject({
      outcome: 'still-fresh',
      reason: 'backoff',
      satisfied: true,
      failure: 'TOKEN_REJECTED',
    });
    const asked = await world.instance().invoke({ minRemainingSeconds: 2700 });
    expect(asked).toMatchObject({
      outcome: 'still-fresh',
      satisfied: false,
      failure: 'TOKEN_REJECTED',
      remainingSeconds: 480,
    });
    expect(world.server.requests).toHaveLength(requests);
    expect(await failure(fn.invoke({ force: true }))).toMatchObject({ code: 'TOKEN_REJECTED' });
    expect(world.server.requests).toHaveLength(requests + 1);
  });

  test.each([
    ['seconds', () => throttled(240)],
    // A date counts from the answer's own Date header, which is the machine's time.
    ['a date', () => throttled(new Date(Date.now() + 240_000))],
  ])('is not tried before Retry-After, as %s', async (_, fault) => {
    await start();
    await fn.invoke();
    world.advance(50 * MINUTE);
    world.server.faults.next('token', fault());
    expect(await failure(fn.invoke())).toMatchObject({ code: 'TOKEN_ENDPOINT_THROTTLED' });
    world.advance(3 * MINUTE);
    expect(await fn.invoke()).toMatchObject({ reason: 'backoff', failure: 'TOKEN_ENDPOINT_THROTTLED' });
    world.advance(MINUTE + 1000);
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed' });
  });

  test('keeps the token when Parameter Store cannot be read, and shows no metric', async () => {
    await start();
    await fn.invoke();
    world.aws.faults.add({ match: { operation: 'GetParameters' }, fault: { kind: 'deny' } });
    expect(await failure(fn.invoke())).toMatchObject({ code: 'PARAMETER_UNAVAILABLE' });
    expect(fn.seen.at(-1)?.remainingMs).toBeNull();
  });
});

describe('a secret that changes', () => {
  const event = { source: 'aws.secretsmanager', 'detail-type': 'Secret Label Updated', detail: {} };

  test('ends a backoff: the event mints at once', async () => {
    await start();
    world.server.replaceClientSecret('refresher', 'c4n4ry-new');
    expect(await failure(fn.invoke())).toMatchObject({ code: 'TOKEN_REJECTED' });
    await world.storeSecret('c4n4ry-new');
    expect(await fn.invoke(event)).toMatchObject({ outcome: 'refreshed', reason: 'secret-changed' });
  });

  test('before the server knows it falls back to the one before, and says so', async () => {
    await start();
    await world.storeSecret('c4n4ry-not-yet-known');
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed' });
    expect(fn.seen[0]?.warnings.join()).toContain('accepted AWSPREVIOUS');
  });
});

describe('a job that asks for more life', () => {
  test('gets a new token, once', async () => {
    await start();
    await fn.invoke();
    world.advance(20 * MINUTE);
    const wish = { minRemainingSeconds: 2700 };
    expect(await fn.invoke(wish)).toMatchObject({
      outcome: 'refreshed',
      reason: 'min-remaining',
      satisfied: true,
    });
    expect(await fn.invoke(wish)).toMatchObject({ outcome: 'still-fresh', satisfied: true });
    expect(world.server.mints.count).toBe(2);
  });

  test('for more than any token has gets the best there is, without minting again and again', async () => {
    await start();
    await fn.invoke();
    world.advance(20 * MINUTE);
    const wish = { minRemainingSeconds: 7200 };
    expect(await fn.invoke(wish)).toMatchObject({
      outcome: 'refreshed',
      satisfied: false,
      remainingSeconds: 3600,
    });
    for (let again = 0; again < 5; again += 1)
      expect(await fn.invoke(wish)).toMatchObject({ satisfied: false });
    expect(world.server.mints.count).toBe(2);
  });

  test('of a server that returns the same token is not answered by minting again and again', async () => {
    await start();
    world.server.setIssuing('same-token');
    await fn.invoke();
    world.advance(30 * MINUTE);
    const wish = { minRemainingSeconds: 2700 };
    expect(await fn.invoke(wish)).toMatchObject({
      outcome: 'still-fresh',
      reason: 'same-token',
      satisfied: false,
    });
    for (let again = 0; again < 5; again += 1)
      expect(await fn.invoke(wish)).toMatchObject({ satisfied: false });
    expect(world.server.requests).toHaveLength(2);
    expect((await stored()).version).toBe(1);
  });
});

describe('a token that lives no longer than the stored one is not stored', () => {
  test('from a server that returns the same token: the next beat asks again', async () => {
    await start();
    world.server.setIssuing('same-token');
    await fn.invoke();
    for (const minute of [50, 51, 52]) {
      world.advance(minute === 50 ? 50 * MINUTE : MINUTE);
      expect(await fn.invoke()).toMatchObject({
        outcome: 'still-fresh',
        reason: 'same-token',
        tokenVersion: 1,
      });
    }
    expect(fn.seen.at(-1)?.warnings.join()).toContain('returned the stored token again');
    expect(world.server.requests).toHaveLength(4);
  });

  test('from a server whose tokens became shorter: left alone until a mint brings more', async () => {
    await start();
    world.server.faults.next('token', withMembers({ expires_in: 86_400 }));
    await fn.invoke();
    world.advance(50 * MINUTE);
    expect(await fn.invoke()).toMatchObject({ outcome: 'still-fresh', reason: 'not-later', tokenVersion: 1 });
    world.advance(MINUTE);
    expect(await fn.invoke()).toMatchObject({ outcome: 'still-fresh', reason: 'not-due' });
    expect(world.server.requests).toHaveLength(2);
    world.advance(22.5 * 60 * MINUTE);
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed', reason: 'age' });
  });

  test('when another invocation stored a longer-lived one meanwhile: it is put back', async () => {
    await start();
    await fn.invoke();
    const slow = world.instance();
    world.advance(50 * MINUTE);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.server.faults.next('token', { kind: 'delay', until: released });
    const slowResult = slow.invoke();
    while (world.server.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    world.advance(30_000);
    const quick = await fn.invoke();
    expect(quick).toMatchObject({ outcome: 'refreshed', tokenVersion: 2 });
    const winner = await stored();
    release();
    expect(await slowResult).toMatchObject({
      outcome: 'still-fresh',
      reason: 'concurrent-mint',
      fingerprint: quick.fingerprint,
    });
    expect(await stored()).toMatchObject({
      accessToken: winner.accessToken,
      version: 4,
      status: { token: { version: 4 } },
    });
  });
});

describe('where the provider has a probe', () => {
  test('a token that it refuses does not replace the live one', async () => {
    await start({ hasProbe: true });
    await fn.invoke();
    const before = await stored();
    world.advance(MINUTE);
    world.server.faults.always('probe', { kind: 'answer', status: 401 });
    const error = await failure(fn.invoke({ force: true }));
    expect(error).toMatchObject({
      code: 'TOKEN_UNUSABLE',
      message: expect.stringContaining('IP allow-list'),
    });
    expect((await stored()).accessToken).toBe(before.accessToken);
  });

  test('a probe that is not answered proves nothing, and the token is stored', async () => {
    await start({ hasProbe: true });
    world.server.faults.always('probe', { kind: 'answer', status: 500 });
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed' });
    expect(fn.seen[0]?.warnings.join()).toContain('stored unproved');
  });

  test('an inactivity timeout of five minutes does not kill the stored token', async () => {
    await start({ hasProbe: true });
    world.server.setInactivityTimeout(300);
    await fn.invoke();
    for (let beat = 0; beat < 47; beat += 1) {
      world.advance(MINUTE);
      expect(await fn.invoke()).toMatchObject({ outcome: 'still-fresh' });
    }
    expect((await world.server.introspect((await stored()).accessToken)).active).toBe(true);
    expect(world.server.mints.count).toBe(1);
    expect(world.server.probes.length).toBeLessThanOrEqual(26);
  });

  test('nor during an outage of the token endpoint', async () => {
    await start({ hasProbe: true });
    world.server.setInactivityTimeout(300);
    await fn.invoke();
    world.advance(3 * MINUTE);
    await fn.invoke();
    world.server.faults.always('token', { kind: 'answer', status: 503 });
    for (let beat = 0; beat < 30; beat += 1) {
      world.advance(MINUTE);
      await fn.invoke({ minRemainingSeconds: 3540 }).catch(() => undefined);
    }
    expect((await world.server.introspect((await stored()).accessToken)).active).toBe(true);
  });

  test('a token that was revoked is found out and replaced', async () => {
    await start({ hasProbe: true });
    await fn.invoke();
    world.server.revoke((await stored()).accessToken);
    world.advance(4 * MINUTE);
    expect(await fn.invoke()).toMatchObject({
      outcome: 'refreshed',
      reason: 'keep-alive-refused',
      tokenVersion: 2,
    });
    expect(fn.seen.at(-1)?.remainingMs).toBe(0);
    expect((await world.server.introspect((await stored()).accessToken)).active).toBe(true);
  });
});
