import { type Status, serializeStatus } from '../../../lambda/refresh/status.ts';
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

/** The status as the parameter has it, from what was read of it. */
function text(status: Status | null): string {
  if (status === null) throw new Error('there is no status');
  return serializeStatus(status);
}
/** The status with another claim of how long the token lives. */
function withLifetime(status: Status | null, lifetimeMs: number): string {
  const document = JSON.parse(text(status));
  const expiresAt = new Date(Date.parse(document.issuedAt) + lifetimeMs).toISOString();
  return JSON.stringify({ ...document, expiresAt, refreshDueAt: expiresAt });
}
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
  test.each([
    [60, 45 * MINUTE, 7.5],
    [49, null, (49 * 5) / 6],
  ])(
    'with jobs of 45 minutes, the status of a token of %i minutes guarantees %p ms',
    async (minutes, expected, dueMinutes) => {
      await start({ longestJobMs: 45 * MINUTE });
      world.server.faults.always('token', withMembers({ expires_in: minutes * 60 }));

      await fn.invoke();

      const { status } = await stored();
      expect(status?.token?.jobGuaranteeMs).toBe(expected);
      expect(status?.token?.refreshDueAt.getTime()).toBe(world.now().getTime() + dueMinutes * MINUTE);
    },
  );

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

  test('with a fresh token makes one AWS call', async () => {
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

  test('with a due token mints with four AWS calls, and measures the remaining life before the mint', async () => {
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
  test('keeps the stored token, is stored once, and is tried again on each beat of an outage', async () => {
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

  test('is also stored before the first token', async () => {
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

  test('with a permanent error waits for its backoff, also for jobs’ requests and on a new instance', async () => {
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

  test('is told while the backoff runs, also if no mint is due', async () => {
    await start();
    await fn.invoke();
    world.advance(MINUTE);
    world.server.faults.next('token', throttled(240));
    await failure(fn.invoke({ force: true }));
    world.advance(MINUTE);

    const during = await fn.invoke();
    world.advance(3 * MINUTE + 1000);
    const after = await fn.invoke();

    expect(during).toMatchObject({ reason: 'not-due', failure: 'TOKEN_ENDPOINT_THROTTLED' });
    expect(after).toMatchObject({ reason: 'not-due' });
    expect(after).not.toHaveProperty('failure');
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

describe('a failure that is stored', () => {
  const statusWrites = { operation: 'PutParameter', name: '/ci/test/token-status' };

  test('keeps the description of the token that was just stored, if only its status could not be written', async () => {
    await start();
    await fn.invoke();
    world.advance(50 * MINUTE);
    world.aws.faults.add({ match: statusWrites, fault: { kind: 'deny' }, times: 2 });

    const error = await failure(fn.invoke());

    expect(error).toMatchObject({ code: 'PARAMETER_NOT_WRITTEN' });
    const { version, status } = await stored();
    expect(version).toBe(2);
    expect(status).toMatchObject({ token: { version: 2 }, lastFailure: null });
    expect(await fn.invoke()).toMatchObject({ outcome: 'still-fresh', reason: 'not-due', tokenVersion: 2 });
  });

  test('keeps the description of a token that another instance has stored meanwhile', async () => {
    await start();
    await fn.invoke();
    world.advance(50 * MINUTE);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.aws.faults.add({
      match: { operation: 'GetSecretValue' },
      fault: { kind: 'delay', until: released },
      times: 1,
    });
    const failing = failure(world.instance().invoke());
    while (world.aws.requests.at(-1)?.operation !== 'GetSecretValue') {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await fn.invoke();
    world.server.faults.always('token', { kind: 'answer', status: 503 });
    release();

    const error = await failing;

    expect(error).toMatchObject({ code: 'TOKEN_ENDPOINT_UNAVAILABLE' });
    expect(await stored()).toMatchObject({ version: 2, status: { token: { version: 2 } } });
  });
});

describe('where no status can be', () => {
  test.each(['written', 'read'])('%s, memory alone keeps 20 requests from making 20 tokens', async (what) => {
    await start();
    if (what === 'read') {
      await fn.invoke();
      await world.writeStatus('{}');
    }
    const before = world.server.mints.count;
    world.aws.faults.add({
      match: { operation: 'PutParameter', name: '/ci/test/token-status' },
      fault: { kind: 'deny' },
    });

    for (let request = 0; request < 20; request += 1) {
      await fn.invoke({ minRemainingSeconds: 60 }).catch(() => undefined);
    }

    expect(world.server.mints.count - before).toBe(1);
    await fn.invoke({ force: true }).catch(() => undefined);
    expect(world.server.mints.count - before).toBe(2);
  });
});

describe('a secret that the server goes on refusing', () => {
  async function refuse(): Promise<void> {
    await start();
    await fn.invoke();
    await world.storeSecret('c4n4ry-refused');
    await fn.invoke({ force: true });
  }

  test('appears in the status at once', async () => {
    await refuse();

    const { status } = await stored();

    expect(status).toMatchObject({ token: { secretStage: 'AWSPREVIOUS' }, lastFailure: null });
  });

  test('fails beats after 15 minutes, with the token stored, and follows the backoff', async () => {
    await refuse();
    world.advance(14 * MINUTE);
    expect(await fn.invoke()).toMatchObject({ reason: 'not-due' });
    world.advance(MINUTE);
    const failed: number[] = [];
    for (let beat = 0; beat < 20; beat += 1) {
      const error = await fn.invoke().catch((caught) => caught);
      if (error.code === 'TOKEN_REJECTED') failed.push(beat);
      const { accessToken, version, status } = await stored();
      expect(status?.token).toMatchObject({ version, secretStage: 'AWSPREVIOUS' });
      expect((await world.server.introspect(accessToken)).active).toBe(true);
      world.advance(MINUTE);
    }
    // After 1, 2, 4, then every 5 minutes.
    expect(failed).toEqual([0, 1, 3, 7, 12, 17]);
    expect((await stored()).status?.lastFailure).toMatchObject({ code: 'TOKEN_REJECTED', consecutive: 6 });
  });

  test('also fails if jobs’ requests mint new tokens', async () => {
    await refuse();
    for (let minutes = 0; minutes < 15; minutes += 5) {
      world.advance(5 * MINUTE);
      await fn.invoke({ minRemainingSeconds: 3540 });
    }
    world.advance(MINUTE);

    const error = await failure(fn.invoke());

    expect(error).toMatchObject({ code: 'TOKEN_REJECTED', message: expect.stringContaining('AWSPREVIOUS') });
  });

  test('ends when the server accepts the secret', async () => {
    await refuse();
    world.advance(15 * MINUTE);
    await failure(fn.invoke());
    world.server.replaceClientSecret('refresher', 'c4n4ry-refused');
    world.advance(MINUTE);

    const result = await fn.invoke();

    expect(result).toMatchObject({ outcome: 'refreshed', reason: 'secret-stage' });
    expect((await stored()).status).toMatchObject({
      token: { secretStage: 'AWSCURRENT' },
      lastFailure: null,
    });
    expect((await stored()).status?.token?.fallbackSince).toBeUndefined();
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

  test('before the server accepts it, the previous one is used, with a warning', async () => {
    await start();
    await world.storeSecret('c4n4ry-not-yet-known');
    expect(await fn.invoke()).toMatchObject({ outcome: 'refreshed' });
    expect(fn.seen[0]?.warnings.join()).toContain('accepted AWSPREVIOUS');
  });
});

describe('a request for more remaining life', () => {
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

  test('for more than any token’s life gets the stored token, and does not mint each time', async () => {
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

  test('does not mint each time if the server returns the same token', async () => {
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

describe('the token that was issued last is the one that is stored', () => {
  const milliseconds = 3_600_000;

  test.each([
    ['a due beat', 50, {}, 'age'],
    ['force', 1, { force: true }, 'forced'],
    ['a job', 50, { minRemainingSeconds: 2700 }, 'age'],
  ])('when the stored one claims milliseconds for seconds: %s replaces it', async (_, age, event, reason) => {
    await start();
    world.server.faults.next('token', withMembers({ expires_in: milliseconds }));
    await fn.invoke();
    const claimed = await stored();
    await world.writeStatus(withLifetime(claimed.status, milliseconds * 1000));
    world.advance(age * MINUTE);

    const result = await fn.invoke(event);

    expect(result).toMatchObject({ outcome: 'refreshed', reason, satisfied: true, tokenVersion: 2 });
    expect((await stored()).accessToken).not.toBe(claimed.accessToken);
  });

  test('though it lives shorter than the one before', async () => {
    await start();
    world.server.faults.next('token', withMembers({ expires_in: 86_400 }));
    await fn.invoke();
    world.advance(50 * MINUTE);

    const result = await fn.invoke();

    expect(result).toMatchObject({ outcome: 'refreshed', reason: 'age', remainingSeconds: 3600 });
    expect(await fn.invoke()).toMatchObject({ outcome: 'still-fresh', reason: 'not-due', tokenVersion: 2 });
  });

  test('when another scope is configured: at once, and once', async () => {
    await start();
    await fn.invoke();
    const before = await stored();
    const other = world.instance({ scope: 'read' });

    const result = await other.invoke();

    expect(result).toMatchObject({ outcome: 'refreshed', reason: 'other-source', tokenVersion: 2 });
    const { status } = await stored();
    expect(status?.token?.source).toMatch(/^[0-9a-f]{16}$/);
    expect(status?.token?.source).not.toBe(before.status?.token?.source);
    expect(await other.invoke()).toMatchObject({ outcome: 'still-fresh', reason: 'not-due' });
  });

  test('when another key is configured: at once, encrypted with it, and its status names it', async () => {
    await start();
    await fn.invoke();
    const encryptionKeyArn = world.aws.kms.addKey().arn;
    const other = world.instance({ encryptionKeyArn });

    const result = await other.invoke();

    expect(result).toMatchObject({ outcome: 'refreshed', reason: 'other-key', tokenVersion: 2 });
    expect((await stored()).status?.token?.encryptionKey).toBe(encryptionKeyArn);
    expect(await other.invoke()).toMatchObject({ outcome: 'still-fresh', reason: 'not-due' });
    expect(await fn.invoke()).toMatchObject({ reason: 'other-key', tokenVersion: 3 });
    expect((await stored()).status?.token?.encryptionKey).toBeNull();
  });

  test('a status of an earlier release, which names neither source nor key, is no reason to mint', async () => {
    await start();
    await fn.invoke();
    const { status } = await stored();
    const { source: _, encryptionKey: __, secretStage: ___, ...older } = JSON.parse(text(status));
    await world.writeStatus(JSON.stringify(older));

    const result = await world.instance({ scope: 'read' }).invoke();

    expect(result).toMatchObject({ outcome: 'still-fresh', reason: 'not-due' });
  });
});

describe('a server that returns the stored token again', () => {
  test('is asked again on each beat once that token is due, and nothing is written twice', async () => {
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
    expect(world.aws.ssm.parameters.get('/ci/test/token-status')?.versions).toHaveLength(1);
  });

  test('with an earlier expiry changes the status', async () => {
    await start();
    world.server.setIssuing('same-token');
    await fn.invoke();
    const before = await stored();
    world.advance(20 * MINUTE);
    world.server.faults.next('token', withMembers({ expires_in: 600 }));

    const result = await fn.invoke({ force: true });

    expect(result).toMatchObject({ reason: 'same-token', remainingSeconds: 600 });
    const { version, status } = await stored();
    expect(version).toBe(1);
    expect(status?.token?.issuedAt).toEqual(before.status?.token?.issuedAt);
    expect(status?.token?.expiresAt).toEqual(new Date(world.now().getTime() + 600_000));
  });

  test('with a later expiry does not change the status', async () => {
    await start();
    world.server.setIssuing('same-token');
    await fn.invoke();
    const before = await stored();
    world.advance(20 * MINUTE);
    world.server.faults.next('token', withMembers({ expires_in: 86_400 }));

    await fn.invoke({ force: true });

    expect((await stored()).status?.token?.expiresAt).toEqual(before.status?.token?.expiresAt);
  });

  test('has it encrypted again if another key is configured', async () => {
    await start();
    world.server.setIssuing('same-token');
    await fn.invoke();
    const encryptionKeyArn = world.aws.kms.addKey().arn;

    const result = await world.instance({ encryptionKeyArn }).invoke();

    expect(result).toMatchObject({ outcome: 'refreshed', reason: 'other-key', tokenVersion: 2 });
  });
});

describe('of two mints at once', () => {
  test('neither is described by the status, and the next beat mints one that is later than both', async () => {
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
    release();
    expect(await slowResult).toMatchObject({
      outcome: 'still-fresh',
      reason: 'concurrent-mint',
      satisfied: true,
      tokenVersion: 3,
    });
    expect(await stored()).toMatchObject({ version: 3, status: { token: { version: 2 } } });
    world.advance(30_000);
    const next = await fn.invoke();
    expect(next).toMatchObject({ outcome: 'refreshed', reason: 'version-mismatch', tokenVersion: 4 });
    expect(await stored()).toMatchObject({ version: 4, status: { token: { version: 4 } } });
  });

  test('a parameter that was deleted since it was read counts as another mint', async () => {
    await start();
    await fn.invoke();
    await world.overwrite('by-hand');
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.server.faults.next('token', { kind: 'delay', until: released });
    const result = fn.invoke();
    while (world.server.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));

    await world.deleteToken();
    release();

    expect(await result).toMatchObject({ reason: 'concurrent-mint', tokenVersion: 1 });
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
    expect(fn.seen[0]?.warnings.join()).toContain('stored without proof');
  });

  test('an inactivity timeout of five minutes does not end the stored token', async () => {
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

  test('it does not end it during an outage of the token endpoint either', async () => {
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

  test('a revoked token is detected and replaced', async () => {
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

  test('a token of another source is not sent to the hosts of this one, not even after a failed mint', async () => {
    await start({ hasProbe: true });
    await fn.invoke();
    const probes = world.server.probes.length;
    world.advance(5 * MINUTE);
    world.server.faults.always('token', { kind: 'answer', status: 503 });

    const error = await failure(world.instance({ scope: 'read' }).invoke());

    expect(error).toMatchObject({ code: 'TOKEN_ENDPOINT_UNAVAILABLE' });
    expect(world.server.probes).toHaveLength(probes);
  });
});
