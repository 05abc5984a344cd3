import fc from 'fast-check';
import {
  parseStatus,
  type Status,
  serializeStatus,
  type TokenDescription,
} from '../../../lambda/refresh/status.ts';

const at = (time: string) => new Date(`2026-11-20T${time}.000Z`);

const AT = '2026-11-20T14:00:00.000Z';

const healthy: Status = {
  token: {
    version: 42,
    fingerprint: '9f86d081884c',
    issuedAt: at('14:00:00'),
    expiresAt: at('15:00:00'),
    refreshDueAt: at('14:50:00'),
    provider: 'genesys-cloud',
    source: '0123456789abcdef',
    encryptionKey: null,
    secretStage: 'AWSCURRENT',
    jobGuaranteeMs: null,
  },
  provider: 'genesys-cloud',
  lastFailure: null,
};

/** As releases wrote it that knew neither source nor key, and as their readers read it. */
const olderRelease = {
  schemaVersion: 1,
  tokenVersion: 42,
  fingerprint: '9f86d081884c',
  issuedAt: '2026-11-20T14:00:00.000Z',
  expiresAt: '2026-11-20T15:00:00.000Z',
  refreshDueAt: '2026-11-20T14:50:00.000Z',
  provider: 'genesys-cloud',
  lastFailure: null,
};

const failing: Status = {
  token: null,
  provider: 'oauth2',
  lastFailure: { code: 'TOKEN_REJECTED', at: at('14:00:00'), consecutive: 3, retryAt: at('14:04:00') },
};

test('writes schema version 1 as in the contract', () => {
  expect(JSON.parse(serializeStatus(healthy))).toEqual({
    schemaVersion: 1,
    tokenVersion: 42,
    fingerprint: '9f86d081884c',
    issuedAt: '2026-11-20T14:00:00.000Z',
    expiresAt: '2026-11-20T15:00:00.000Z',
    expiresAtEpoch: 1795186800,
    refreshDueAt: '2026-11-20T14:50:00.000Z',
    provider: 'genesys-cloud',
    source: '0123456789abcdef',
    encryptionKey: null,
    secretStage: 'AWSCURRENT',
    jobGuaranteeSeconds: null,
    lastFailure: null,
  });
});

test('writes null for the token’s fields before the first token', () => {
  expect(JSON.parse(serializeStatus({ ...failing, lastFailure: null }))).toEqual({
    schemaVersion: 1,
    tokenVersion: null,
    fingerprint: null,
    issuedAt: null,
    expiresAt: null,
    expiresAtEpoch: null,
    refreshDueAt: null,
    provider: 'oauth2',
    source: null,
    encryptionKey: null,
    secretStage: null,
    jobGuaranteeSeconds: null,
    lastFailure: null,
  });
});

test('rounds expiresAtEpoch down to whole seconds', () => {
  const { token } = healthy;
  if (token === null) throw new Error('no token');
  const status = { ...healthy, token: { ...token, expiresAt: new Date(token.expiresAt.getTime() + 999) } };

  const { expiresAtEpoch } = JSON.parse(serializeStatus(status));

  expect(expiresAtEpoch).toBe(1795186800);
});

test('reads the status of an earlier release; its missing fields stay unknown', () => {
  const status = parseStatus(JSON.stringify(olderRelease));

  expect(status?.token).toEqual({
    version: 42,
    fingerprint: '9f86d081884c',
    issuedAt: at('14:00:00'),
    expiresAt: at('15:00:00'),
    refreshDueAt: at('14:50:00'),
    provider: 'genesys-cloud',
  });
  expect(status && JSON.parse(serializeStatus(status))).toEqual({
    ...olderRelease,
    expiresAtEpoch: 1795186800,
  });
});

test('takes a source and a stage of null for unknown ones', () => {
  const status = parseStatus(JSON.stringify({ ...olderRelease, source: null, secretStage: null }));

  expect(status).toEqual(parseStatus(JSON.stringify(olderRelease)));
});

test.each([
  ['a healthy status', healthy],
  ['a failure before the first token', failing],
  [
    'a key and a job guarantee',
    {
      ...healthy,
      token: {
        ...(healthy.token as TokenDescription),
        encryptionKey: 'arn:aws:kms:eu-central-1:111122223333:key/1',
        jobGuaranteeMs: 2_700_000,
      },
    },
  ],
  [
    'another stage of the secret',
    {
      ...healthy,
      token: {
        ...(healthy.token as TokenDescription),
        secretStage: 'AWSPREVIOUS' as const,
        fallbackSince: at('13:00:00'),
      },
    },
  ],
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
  ['a source that is no hash', changed({ source: 'login.example.com' })],
  ['a key with a newline', changed({ encryptionKey: 'arn\n' })],
  ['a stage that there is none of', changed({ secretStage: 'AWSOLD' })],
  ['a job guarantee below zero', changed({ jobGuaranteeSeconds: -1 })],
  ['a version that is no whole number', changed({ tokenVersion: 1.5 })],
  ['a due time at the issue', changed({ refreshDueAt: '2026-11-20T14:00:00.000Z' })],
  ['a job guarantee of a part of a second', changed({ jobGuaranteeSeconds: 0.5 })],
  ['a key of more than 2,048 characters', changed({ encryptionKey: 'k'.repeat(2_049) })],
  ['a job guarantee as text', changed({ jobGuaranteeSeconds: '2700' })],
])('reads %s as no status', (_, json) => {
  expect(parseStatus(json)).toBeNull();
});

test('cuts a lifetime above 48 hours', () => {
  const status = parseStatus(changed({ expiresAt: '2027-01-01T00:00:00.000Z' }));

  expect(status?.token?.expiresAt).toEqual(new Date('2026-11-22T14:00:00.000Z'));
});

test.each([
  ['without a time', 'lately'],
  ['with a time after the token’s issue', '9999-01-01T00:00:00.000Z'],
])('takes another stage of the secret %s for one of the token’s own age', (_, secretStageSince) => {
  const status = parseStatus(changed({ secretStage: 'AWSPENDING', secretStageSince }));

  expect(status?.token?.fallbackSince).toEqual(at('14:00:00'));
});

test.each([
  ['a count that is none', { consecutive: 1.5 }],
  ['a count below 1, which would take the backoff away', { consecutive: -1_000 }],
  ['a code that is none', { code: 7 }],
  ['a time that is none', { at: 'soon' }],
  ['a retry that is none', { retryAt: null }],
])('ignores a failure with %s', (_, change) => {
  const lastFailure = { code: 'TOKEN_REJECTED', at: AT, consecutive: 1, retryAt: AT, ...change };

  expect(parseStatus(changed({ lastFailure }))).toEqual(healthy);
});

test('ignores an unreadable failure', () => {
  expect(parseStatus(changed({ lastFailure: { code: 'TOKEN_REJECTED' } }))).toEqual(healthy);
});

test('never throws, whatever the parameter contains', () => {
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
