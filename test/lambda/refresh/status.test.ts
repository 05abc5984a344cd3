import fc from 'fast-check';
import {
  parseStatus,
  type Status,
  serializeStatus,
  type TokenDescription,
} from '../../../lambda/refresh/status.ts';

const at = (time: string) => new Date(`2026-11-20T${time}.000Z`);

const token: TokenDescription = {
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
};
const healthy: Status = { token, provider: 'genesys-cloud', lastFailure: null };
const failing: Status = {
  token: null,
  provider: 'oauth2',
  lastFailure: { code: 'TOKEN_REJECTED', at: at('14:00:00'), consecutive: 3, retryAt: at('14:04:00') },
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

/** The status as it is written, with some fields changed. */
const changed = (change: object) => JSON.stringify({ ...JSON.parse(serializeStatus(healthy)), ...change });

test('writes schema version 1 as in the contract, times for shells in whole seconds, rounded down', () => {
  const expiresAt = new Date(at('15:00:00').getTime() + 999);
  const more = { secretCreatedAt: at('09:00:00'), isLifetimeAssumed: true };
  const status = { ...healthy, token: { ...token, ...more, expiresAt, jobGuaranteeMs: 2_700_999 } };

  expect(parseStatus(serializeStatus(status))?.token).toMatchObject(more);
  expect(JSON.parse(serializeStatus(status))).toEqual({
    ...olderRelease,
    expiresAt: '2026-11-20T15:00:00.999Z',
    expiresAtEpoch: 1795186800,
    source: '0123456789abcdef',
    encryptionKey: null,
    secretStage: 'AWSCURRENT',
    secretCreatedAt: '2026-11-20T09:00:00.000Z',
    lifetimeAssumed: true,
    jobGuaranteeSeconds: 2_700,
  });
});

test('writes null for the token’s fields before the first token', () => {
  const document = JSON.parse(serializeStatus({ ...failing, lastFailure: null }));

  const { schemaVersion, provider, ...others } = document;
  expect([schemaVersion, provider]).toEqual([1, 'oauth2']);
  const fields =
    'tokenVersion fingerprint issuedAt expiresAt expiresAtEpoch refreshDueAt source encryptionKey';
  const names = `${fields} secretStage secretCreatedAt jobGuaranteeSeconds lastFailure`.split(' ');
  expect(others).toEqual(Object.fromEntries(names.map((name) => [name, null])));
});

test('reads the status of an earlier release; its missing fields, or fields of null, stay unknown', () => {
  const status = parseStatus(JSON.stringify(olderRelease));
  const { source: _, encryptionKey: __, secretStage: ___, jobGuaranteeMs: ____, ...older } = token;

  expect(status?.token).toEqual(older);
  expect(status && JSON.parse(serializeStatus(status))).toEqual({
    ...olderRelease,
    expiresAtEpoch: 1795186800,
  });
  expect(parseStatus(JSON.stringify({ ...olderRelease, source: null, secretStage: null }))).toEqual(status);
});

test('reads back what it writes, with and without a token', () => {
  const stage = { secretStage: 'AWSPREVIOUS', fallbackSince: at('13:00:00') } as const;
  const more = { encryptionKey: 'arn:aws:kms:eu-central-1:1:key/1', jobGuaranteeMs: 2_700_000, ...stage };
  const full = { ...failing, token: { ...token, provider: 'oauth2', ...more } };

  expect([failing, full].map((status) => parseStatus(serializeStatus(status)))).toEqual([failing, full]);
});

test.each([
  ['nothing', ''],
  ['no JSON', '{"schemaVersion":1'],
  ['null', 'null'],
  ['another schema version', changed({ schemaVersion: 2 })],
  ['a version of 0', changed({ tokenVersion: 0 })],
  ['a version that is no whole number', changed({ tokenVersion: 1.5 })],
  ['a fingerprint that is none', changed({ fingerprint: 'not hex' })],
  ['a date that is none', changed({ expiresAt: 'soon' })],
  ['an expiry before the issue', changed({ expiresAt: '2026-11-20T13:00:00.000Z' })],
  ['a due time at the issue', changed({ refreshDueAt: '2026-11-20T14:00:00.000Z' })],
  ['a due time after the expiry', changed({ refreshDueAt: '2026-11-20T15:00:01.000Z' })],
  ['no provider', changed({ provider: undefined })],
  ['a source that is no hash', changed({ source: 'login.example.com' })],
  ['a key with a newline', changed({ encryptionKey: 'arn\n' })],
  ['a key of more than 2,048 characters', changed({ encryptionKey: 'k'.repeat(2_049) })],
  ['a stage that there is none of', changed({ secretStage: 'AWSOLD' })],
  ['a job guarantee below zero', changed({ jobGuaranteeSeconds: -1 })],
  ['a job guarantee of a part of a second', changed({ jobGuaranteeSeconds: 0.5 })],
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

const AT = '2026-11-20T14:00:00.000Z';
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

test('never throws, whatever the parameter contains', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((json) => changed({ lastFailure: JSON.parse(json) })),
  );
  fc.assert(
    fc.property(texts, (json) => void parseStatus(json)),
    { numRuns: 2_000 },
  );
});
