import type { Request } from '../../../lambda/event.ts';
import { plan, refreshDueAt as planned, retryAt, type Stored } from '../../../lambda/refresh/planner.ts';
import type { LastFailure, TokenDescription } from '../../../lambda/refresh/status.ts';

const MINUTE = 60_000;
/** A beat, a mint, and beats that come late: what the outage tolerance has no room for. */
const EARLY = 110_000;
const issuedAt = new Date('2026-11-20T14:00:00Z');
const elapsed = (ms: number) => new Date(issuedAt.getTime() + ms);
const policy = { refreshIntervalMs: 50 * MINUTE, source: '0123456789abcdef', encryptionKey: null };

function token(lifetimeMs = 60 * MINUTE): TokenDescription {
  const refreshDue = Math.min(policy.refreshIntervalMs, (lifetimeMs * 5) / 6);
  return {
    version: 42,
    fingerprint: '9f86d081884c',
    issuedAt,
    expiresAt: elapsed(lifetimeMs),
    refreshDueAt: elapsed(refreshDue),
    provider: 'oauth2',
  };
}

function stored(
  options: { lifetimeMs?: number; lastFailure?: LastFailure; tokenVersion?: number | null } = {},
): Stored {
  const { lifetimeMs, lastFailure = null, tokenVersion = 42 } = options;
  return { tokenVersion, status: { token: token(lifetimeMs), provider: 'oauth2', lastFailure } };
}

const beat: Request = { kind: 'beat' };
const keep = { action: 'keep', reason: 'not-due' };
const wait = { action: 'keep', reason: 'backoff' };
const mint = (reason: string) => ({ action: 'mint', reason });
const asking = (minutes: number): Request => ({ kind: 'min-remaining', minRemainingMs: minutes * MINUTE });
const failure = (retryMinutes: number): LastFailure => ({
  code: 'TOKEN_REJECTED',
  at: issuedAt,
  consecutive: 3,
  retryAt: elapsed(retryMinutes * MINUTE),
});

describe('on a beat', () => {
  test.each([
    ['a one-hour token just issued', 60, 0, keep],
    ['a one-hour token long before 50 minutes', 60, 50 * MINUTE - EARLY - 1, keep],
    ['a one-hour token on the last beats before 50 minutes', 60, 50 * MINUTE - EARLY, mint('age')],
    ['a 24-hour token long before 50 minutes', 1440, 50 * MINUTE - EARLY - 1, keep],
    ['a 24-hour token on the last beats before 50 minutes', 1440, 50 * MINUTE - EARLY, mint('age')],
    ['a ten-minute token long before 8 min 20 s', 10, 500_000 - EARLY - 1, keep],
    ['a ten-minute token on the last beats before 8 min 20 s', 10, 500_000 - EARLY, mint('age')],
    ['a two-minute token of less than 3/4 of 100 s', 2, 75_000 - 1, keep],
    ['a two-minute token of 3/4 of 100 s', 2, 75_000, mint('age')],
    ['an expired token', 60, 61 * MINUTE, mint('age')],
  ])('%s', (_, lifetimeMinutes, ageMs, expected) => {
    const found = plan({
      request: beat,
      stored: stored({ lifetimeMs: lifetimeMinutes * MINUTE }),
      now: elapsed(ageMs),
      policy,
    });
    expect(found).toEqual(expected);
  });

  test.each([
    ['there is no token', { tokenVersion: null, status: null }, mint('no-token')],
    ['the token was deleted', stored({ tokenVersion: null }), mint('no-token')],
    ['the status is missing or corrupt', { tokenVersion: 42, status: null }, mint('status-unreadable')],
    ['the token was overwritten by hand', stored({ tokenVersion: 43 }), mint('version-mismatch')],
    [
      'the status was written before the token, though it names the same version',
      { ...stored(), statusPrecedesToken: true },
      mint('version-mismatch'),
    ],
    ['a crash left the status behind', stored({ tokenVersion: 41 }), mint('version-mismatch')],
  ])('mints when %s', (_, found, expected) => {
    expect(plan({ request: beat, stored: found, now: elapsed(MINUTE), policy })).toEqual(expected);
  });

  test('mints when the status claims a time in the future, but not for a clock a little off', () => {
    expect(plan({ request: beat, stored: stored(), now: elapsed(-31_000), policy })).toEqual(
      mint('clock-future'),
    );
    expect(plan({ request: beat, stored: stored(), now: elapsed(-29_000), policy })).toEqual(keep);
  });

  describe('mints when what is configured is another', () => {
    const key = 'arn:aws:kms:eu-central-1:111122223333:key/1';
    const planFor = (described: Partial<TokenDescription>, configured: object = {}) =>
      plan({
        request: beat,
        stored: {
          tokenVersion: 42,
          status: { token: { ...token(), ...described }, provider: 'oauth2', lastFailure: null },
        },
        now: elapsed(MINUTE),
        policy: { ...policy, ...configured },
      });

    test.each<[string, Partial<TokenDescription>, object, object]>([
      ['source', { source: 'fedcba9876543210' }, {}, mint('other-source')],
      ['key', { encryptionKey: null }, { encryptionKey: key }, mint('other-key')],
      ['key, now AWS’s own', { encryptionKey: key }, {}, mint('other-key')],
    ])('%s', (_, described, configured, expected) => {
      expect(planFor(described, configured)).toEqual(expected);
    });

    test.each<[string, Partial<TokenDescription>, object]>([
      ['the same source and key', { source: policy.source, encryptionKey: null }, {}],
      ['the same own key', { encryptionKey: key }, { encryptionKey: key }],
      ['a status of an earlier release, which tells neither', {}, { encryptionKey: key }],
    ])('does not mint for %s', (_, described, configured) => {
      expect(planFor(described, configured)).toEqual(keep);
    });
  });

  test('mints when the server has refused the current secret for 15 minutes', () => {
    const fallback = { ...token(), secretStage: 'AWSPREVIOUS', fallbackSince: issuedAt } as const;
    const found = { tokenVersion: 42, status: { token: fallback, provider: 'oauth2', lastFailure: null } };
    const planAt = (ms: number) => plan({ request: beat, stored: found, now: elapsed(ms), policy });

    expect(planAt(15 * MINUTE - 1)).toEqual(keep);
    expect(planAt(15 * MINUTE)).toEqual(mint('secret-stage'));
  });

  test('uses the token’s age, not the refreshDueAt of the status', () => {
    const late = { ...token(24 * 60 * MINUTE), refreshDueAt: elapsed(20 * 60 * MINUTE) };
    const found = { tokenVersion: 42, status: { token: late, provider: 'oauth2', lastFailure: null } };

    expect(plan({ request: beat, stored: found, now: elapsed(50 * MINUTE), policy })).toEqual(mint('age'));
  });

  test('mints when the keep-alive probe was refused', () => {
    expect(
      plan({ request: beat, stored: stored(), now: elapsed(MINUTE), policy, keepAliveRefused: true }),
    ).toEqual(mint('keep-alive-refused'));
  });

  test('follows a longer interval at once', () => {
    const longer = { ...policy, refreshIntervalMs: 55 * MINUTE };
    const now = elapsed(52 * MINUTE);
    const found = stored({ lifetimeMs: 120 * MINUTE });
    expect(plan({ request: beat, stored: found, now, policy })).toEqual(mint('age'));
    expect(plan({ request: beat, stored: found, now, policy: longer })).toEqual(keep);
  });
});

describe('with jobs of 45 minutes', () => {
  const times = { ...policy, longestJobMs: 45 * MINUTE };
  const planAt = (lifetimeMinutes: number, ageMs: number) => {
    const described = token(lifetimeMinutes * MINUTE);
    const refreshDueAt = planned(described, times);
    const status = { token: { ...described, refreshDueAt }, provider: 'oauth2', lastFailure: null };
    return plan({ request: beat, stored: { tokenVersion: 42, status }, now: elapsed(ageMs), policy: times });
  };

  test.each([
    ['a one-hour token long before 7 min 30 s', 60, 450_000 - EARLY - 1, keep],
    ['a one-hour token on the last beats before 7 min 30 s', 60, 450_000 - EARLY, mint('age')],
    ['a token of 51 minutes before 3/4 of 3 minutes', 51, 135_000 - 1, keep],
    ['a token of 51 minutes at 3/4 of 3 minutes', 51, 135_000, mint('age')],
    ['a 24-hour token long before 50 minutes', 1440, 50 * MINUTE - EARLY - 1, keep],
    ['a token of 49 minutes, which cannot keep them, long before 5/6 of its life', 49, 30 * MINUTE, keep],
  ])('%s', (_, lifetimeMinutes, ageMs, expected) => {
    expect(planAt(lifetimeMinutes, ageMs)).toEqual(expected);
  });

  test('a token that was planned for 50 minutes is due at once where longestJob is set later', () => {
    const decision = plan({ request: beat, stored: stored(), now: elapsed(6 * MINUTE), policy: times });

    expect(decision).toEqual(mint('age'));
  });
});

describe('while a backoff runs', () => {
  test('a beat also waits if only the instance remembers the failure, even without a readable status', () => {
    const unreadable = { tokenVersion: 42, status: null };

    const found = plan({ request: beat, stored: unreadable, now: issuedAt, policy, lastFailure: failure(5) });

    expect(found).toEqual(wait);
  });

  const failing = stored({ lastFailure: failure(55) });
  const now = elapsed(54 * MINUTE);

  test.each<[string, Request, object]>([
    ['a beat waits', beat, wait],
    ['a job that asks for more life waits', asking(45), wait],
    ['force mints', { kind: 'force' }, mint('forced')],
    ['a changed secret mints', { kind: 'secret-changed' }, mint('secret-changed')],
  ])('%s', (_, request, expected) => {
    expect(plan({ request, stored: failing, now, policy })).toEqual(expected);
  });

  test('a beat tries again when it is over', () => {
    expect(plan({ request: beat, stored: failing, now: elapsed(55 * MINUTE), policy })).toEqual(mint('age'));
  });

  test('a missing token is not minted during the backoff', () => {
    const missing = stored({ tokenVersion: null, lastFailure: failure(55) });
    expect(plan({ request: beat, stored: missing, now, policy })).toEqual(wait);
  });

  test('a retryAt that is too far in the future is ignored', () => {
    expect(plan({ request: beat, stored: stored({ lastFailure: failure(600) }), now, policy })).toEqual(
      mint('age'),
    );
  });
});

describe('a request for more remaining life', () => {
  test.each([
    ['gets what is there when that is enough', 45, 14, keep],
    ['gets a new token when it is not', 45, 16, mint('min-remaining')],
    ['gets a new token for nearly the whole lifetime', 59, 2, mint('min-remaining')],
    [
      'beyond the lifetime gets a fresh one, if the stored one is not nearly fresh',
      90,
      6,
      mint('min-remaining'),
    ],
    ['beyond the lifetime does not mint again and again', 90, 4, keep],
  ])('%s', (_, minutes, ageMinutes, expected) => {
    const found = plan({
      request: asking(minutes),
      stored: stored(),
      now: elapsed(ageMinutes * MINUTE),
      policy,
    });
    expect(found).toEqual(expected);
  });

  test('does not mint within a beat after a mint returned the stored token again', () => {
    const options = { request: asking(45), stored: stored(), policy, sameTokenAt: elapsed(20 * MINUTE) };
    expect(plan({ ...options, now: elapsed(20.9 * MINUTE) })).toEqual(keep);
    expect(plan({ ...options, now: elapsed(21 * MINUTE) })).toEqual(mint('min-remaining'));
  });
});

describe('a failed mint is tried again', () => {
  const waitMs = (options: {
    code: Parameters<typeof retryAt>[0]['code'];
    consecutive?: number;
    retryAfterMs?: number;
  }) => retryAt({ consecutive: 1, at: issuedAt, ...options }).getTime() - issuedAt.getTime();

  test.each([
    ['TOKEN_ENDPOINT_UNAVAILABLE', 1],
    ['TOKEN_ENDPOINT_UNAVAILABLE', 30],
    ['TOKEN_ENDPOINT_THROTTLED', 9],
    ['SECRET_UNAVAILABLE', 9],
    ['PARAMETER_NOT_WRITTEN', 9],
  ] as const)('on the next beat after %s (%i in a row)', (code, consecutive) => {
    expect(waitMs({ code, consecutive })).toBeLessThan(MINUTE);
  });

  test.each([
    [1, 0.5],
    [2, 1.5],
    [3, 3.5],
    [4, 4.5],
    [1000, 4.5],
  ])('after permanent error number %i in %f minutes', (consecutive, minutes) => {
    for (const code of [
      'CONFIG_INVALID',
      'SECRET_MALFORMED',
      'TOKEN_REJECTED',
      'TOKEN_RESPONSE_INVALID',
      'TOKEN_UNUSABLE',
      'TOKEN_TOO_LARGE',
    ] as const) {
      expect(waitMs({ code, consecutive })).toBe(minutes * MINUTE);
    }
  });

  test('not before the time that the server named, up to an hour', () => {
    expect(waitMs({ code: 'TOKEN_ENDPOINT_THROTTLED', retryAfterMs: 7 * MINUTE })).toBe(7 * MINUTE);
    expect(waitMs({ code: 'TOKEN_ENDPOINT_UNAVAILABLE', retryAfterMs: 1440 * MINUTE })).toBe(60 * MINUTE);
    expect(waitMs({ code: 'TOKEN_ENDPOINT_THROTTLED', retryAfterMs: 1 })).toBe(30_000);
  });
});
