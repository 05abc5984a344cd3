import type { Request } from '../../../lambda/event.ts';
import { type Policy, plan, refreshDueAt, retryAt, type Stored } from '../../../lambda/refresh/planner.ts';
import type { LastFailure, TokenDescription } from '../../../lambda/refresh/status.ts';

const MINUTE = 60_000;
/** A beat, a mint, and beats that come late: what the outage tolerance has no room for. */
const EARLY = 110_000;
const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/1';
const issuedAt = new Date('2026-11-20T14:00:00Z');
const elapsed = (ms: number) => new Date(issuedAt.getTime() + ms);
const failure = (retryMinutes: number): LastFailure => ({
  code: 'TOKEN_REJECTED',
  at: issuedAt,
  consecutive: 3,
  retryAt: elapsed(retryMinutes * MINUTE),
});
const asking = (minutes: number): Request => ({ kind: 'min-remaining', minRemainingMs: minutes * MINUTE });

/** How a situation differs from a beat that finds a one-hour token, the default policy and no failure. */
interface Row {
  readonly ageMs?: number;
  readonly minutes?: number;
  readonly lifetime?: number;
  readonly token?: Partial<TokenDescription>;
  readonly stored?: Partial<Stored>;
  readonly policy?: Partial<Policy>;
  readonly request?: Request;
  readonly failing?: LastFailure;
  readonly more?: Partial<Parameters<typeof plan>[0]>;
}

function decide({ minutes = 1, lifetime = 60, request = { kind: 'beat' }, ...row }: Row): string {
  const policy: Policy = {
    refreshIntervalMs: 50 * MINUTE,
    source: '0123456789abcdef',
    encryptionKey: null,
    ...row.policy,
  };
  const life = { issuedAt, expiresAt: elapsed(lifetime * MINUTE) };
  const token: TokenDescription = {
    version: 42,
    fingerprint: '9f86d081884c',
    ...life,
    refreshDueAt: refreshDueAt(life, policy),
    provider: 'oauth2',
    ...row.token,
  };
  const status = { token, provider: 'oauth2', lastFailure: row.failing ?? null };
  const { action, reason } = plan({
    request,
    stored: { tokenVersion: 42, status, ...row.stored },
    now: elapsed(row.ageMs ?? minutes * MINUTE),
    policy,
    ...row.more,
  });
  return action === 'keep' ? `keeps: ${reason}` : reason;
}

// The formulas of the due age have their own tests: test/lambda/contract.test.ts.
test.each<[string, Row, string]>([
  ['just issued', { minutes: 0 }, 'keeps: not-due'],
  ['long before 50 minutes', { ageMs: 50 * MINUTE - EARLY - 1 }, 'keeps: not-due'],
  ['on the last beats before 50 minutes', { ageMs: 50 * MINUTE - EARLY }, 'age'],
  ['that has expired', { minutes: 61 }, 'age'],
  [
    'by its age, not by refreshDueAt',
    { lifetime: 1440, minutes: 50, token: { refreshDueAt: elapsed(1200 * MINUTE) } },
    'age',
  ],
  [
    'by the policy of now',
    { lifetime: 120, minutes: 52, policy: { refreshIntervalMs: 55 * MINUTE } },
    'keeps: not-due',
  ],
  ['of an hour, for jobs', { ageMs: 450_000 - EARLY, policy: { longestJobMs: 45 * MINUTE } }, 'age'],
])('a beat, a token %s', (_, row, expected) => {
  expect(decide(row)).toBe(expected);
});

test.each<[string, Row, string]>([
  ['there is no token', { stored: { tokenVersion: null, status: null } }, 'no-token'],
  ['the token was deleted', { stored: { tokenVersion: null } }, 'no-token'],
  ['the status is missing or corrupt', { stored: { status: null } }, 'status-unreadable'],
  ['the token was overwritten by hand', { stored: { tokenVersion: 43 } }, 'version-mismatch'],
  [
    'the status of the same version was written before the token',
    { stored: { statusContradictsToken: true } },
    'version-mismatch',
  ],
  ['the status is from the future', { ageMs: -31_000 }, 'clock-future'],
  ['a clock is a little off', { ageMs: -29_000 }, 'keeps: not-due'],
  ['the source is another', { token: { source: 'fedcba9876543210' } }, 'other-source'],
  ['the key is another', { token: { encryptionKey: null }, policy: { encryptionKey: KEY } }, 'other-key'],
  ['the key is now AWS’s own', { token: { encryptionKey: KEY } }, 'other-key'],
  [
    'the key is the same',
    { token: { encryptionKey: KEY }, policy: { encryptionKey: KEY } },
    'keeps: not-due',
  ],
  [
    'an earlier release told neither source nor key',
    { policy: { encryptionKey: KEY, source: 'fedcba9876543210' } },
    'keeps: not-due',
  ],
  [
    'the secret was refused for less than 15 minutes',
    { ageMs: 15 * MINUTE - 1, token: { fallbackSince: issuedAt } },
    'keeps: not-due',
  ],
  [
    'the secret was refused for 15 minutes',
    { minutes: 15, token: { fallbackSince: issuedAt } },
    'secret-stage',
  ],
  ['the keep-alive probe was refused', { more: { keepAliveRefused: true } }, 'keep-alive-refused'],
])('a beat, where %s', (_, row, expected) => {
  expect(decide(row)).toBe(expected);
});

const failing = failure(55);
test.each<[string, Row, string]>([
  ['a beat waits', { minutes: 54, failing }, 'keeps: backoff'],
  ['a job that asks for more life waits', { minutes: 54, failing, request: asking(45) }, 'keeps: backoff'],
  ['a missing token waits', { minutes: 54, failing, stored: { tokenVersion: null } }, 'keeps: backoff'],
  ['force mints', { minutes: 54, failing, request: { kind: 'force' } }, 'forced'],
  ['a changed secret mints', { minutes: 54, failing, request: { kind: 'secret-changed' } }, 'secret-changed'],
  ['a beat tries again when it is over', { minutes: 55, failing }, 'age'],
  ['a retryAt that is too far in the future is ignored', { minutes: 54, failing: failure(600) }, 'age'],
  [
    'what only the instance remembers counts, even without a readable status',
    { minutes: 0, stored: { status: null }, more: { lastFailure: failure(5) } },
    'keeps: backoff',
  ],
])('while a backoff runs, %s', (_, row, expected) => {
  expect(decide(row)).toBe(expected);
});

const sameTokenAt = elapsed(20 * MINUTE);
test.each<[string, Row, string]>([
  ['that is there', { minutes: 14, request: asking(45) }, 'keeps: not-due'],
  ['that is not there', { minutes: 16, request: asking(45) }, 'min-remaining'],
  ['beyond the lifetime, of an older token', { minutes: 6, request: asking(90) }, 'min-remaining'],
  ['beyond the lifetime, of a nearly fresh token', { minutes: 4, request: asking(90) }, 'keeps: not-due'],
  [
    'within a beat after the server returned the same token',
    { minutes: 20.9, request: asking(45), more: { sameTokenAt } },
    'keeps: not-due',
  ],
  [
    'a beat after the server returned the same token',
    { minutes: 21, request: asking(45), more: { sameTokenAt } },
    'min-remaining',
  ],
])('a request for more life, %s', (_, row, expected) => {
  expect(decide(row)).toBe(expected);
});

describe('a failed mint is tried again', () => {
  type Code = LastFailure['code'];
  const waitMs = (code: Code, consecutive: number, retryAfterMs?: number) =>
    retryAt({ code, consecutive, at: issuedAt, retryAfterMs }).getTime() - issuedAt.getTime();

  test.each<[Code, number]>([
    ['TOKEN_ENDPOINT_UNAVAILABLE', 30],
    ['TOKEN_ENDPOINT_THROTTLED', 9],
  ])('on the next beat after %s (%i in a row)', (code, consecutive) => {
    expect(waitMs(code, consecutive)).toBe(MINUTE / 2);
  });

  test.each<Code>([
    'CONFIG_INVALID',
    'SECRET_MALFORMED',
    'TOKEN_REJECTED',
    'TOKEN_RESPONSE_INVALID',
    'TOKEN_UNUSABLE',
    'TOKEN_TOO_LARGE',
  ])('after 1, 2, 4, then every 5 minutes, half a minute early: %s', (code) => {
    const minutes = [1, 2, 3, 4, 1000].map((consecutive) => waitMs(code, consecutive) / MINUTE);

    expect(minutes).toEqual([0.5, 1.5, 3.5, 4.5, 4.5]);
  });

  test('not before the time that the server named, up to an hour', () => {
    expect(waitMs('TOKEN_ENDPOINT_THROTTLED', 1, 7 * MINUTE)).toBe(7 * MINUTE);
    expect(waitMs('TOKEN_ENDPOINT_UNAVAILABLE', 1, 1440 * MINUTE)).toBe(60 * MINUTE);
  });
});
