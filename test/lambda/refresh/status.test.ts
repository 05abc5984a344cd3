import fc from 'fast-check';
import { parseStatus, type Status, serializeStatus } from '../../../lambda/refresh/status.ts';

const at = (time: string) => new Date(`2026-11-20T${time}.000Z`);

const healthy: Status = {
  token: {
    version: 42,
    fingerprint: '9f86d081884c',
    issuedAt: at('14:00:00'),
    expiresAt: at('15:00:00'),
    refreshDueAt: at('14:50:00'),
    provider: 'genesys-cloud',
  },
  provider: 'genesys-cloud',
  lastFailure: null,
};

const failing: Status = {
  token: null,
  provider: 'oauth2',
  lastFailure: { code: 'TOKEN_REJECTED', at: at('14:00:00'), consecutive: 3, retryAt: at('14:04:00') },
};

test('writes schema version 1 exactly as the contract shows it', () => {
  expect(JSON.parse(serializeStatus(healthy))).toEqual({
    schemaVersion: 1,
    tokenVersion: 42,
    fingerprint: '9f86d081884c',
    issuedAt: '2026-11-20T14:00:00.000Z',
    expiresAt: '2026-11-20T15:00:00.000Z',
    refreshDueAt: '2026-11-20T14:50:00.000Z',
    provider: 'genesys-cloud',
    lastFailure: null,
  });
});

test.each([
  ['a healthy status', healthy],
  ['a failure before the first token', failing],
  ['a failure beside a token', { ...healthy, lastFailure: failing.lastFailure }],
])('reads back %s', (_, status) => {
  expect(parseStatus(serializeStatus(status))).toEqual(status);
});

const changed = (change: object) => JSON.stringify({ ...JSON.parse(serializeStatus(healthy)), ...change });

test.each([
  ['nothing', ''],
  ['no JSON', '{"schemaVersion":1'],
  ['null', 'null'],
  ['a number', '7'],
  ['another schema version', changed({ schemaVersion: 2 })],
  ['a version of 0', changed({ tokenVersion: 0 })],
  ['a version as text', changed({ tokenVersion: '42' })],
  ['a fingerprint that is none', changed({ fingerprint: 'not hex' })],
  ['a date that is none', changed({ expiresAt: 'soon' })],
  ['a missing date', changed({ issuedAt: undefined })],
  ['an expiry before the issue', changed({ expiresAt: '2026-11-20T13:00:00.000Z' })],
  ['a due time after the expiry', changed({ refreshDueAt: '2026-11-20T15:00:01.000Z' })],
  ['no provider', changed({ provider: undefined })],
])('takes %s for no status', (_, json) => {
  expect(parseStatus(json)).toBeNull();
});

test('takes a failure that cannot be read for none', () => {
  expect(parseStatus(changed({ lastFailure: { code: 'TOKEN_REJECTED' } }))).toEqual(healthy);
});

test('never throws, whatever stands in the parameter', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((json) => changed({ lastFailure: JSON.parse(json) })),
      ),
      (json) => {
        const status = parseStatus(json);
        return status === null || status.provider !== undefined;
      },
    ),
    { numRuns: 2_000 },
  );
});
