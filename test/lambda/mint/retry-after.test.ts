import { parseRetryAfter } from '../../../lambda/mint/retry-after.ts';

const now = new Date('2026-11-20T14:00:00Z');

test.each([
  ['seconds', { 'retry-after': '120' }, 120_000],
  ['seconds with white space', { 'retry-after': ' 5 ' }, 5_000],
  ['a date, by the local clock', { 'retry-after': 'Fri, 20 Nov 2026 14:02:00 GMT' }, 120_000],
  [
    'a date, by the server’s own clock',
    { 'retry-after': 'Fri, 20 Nov 2026 15:00:30 GMT', date: 'Fri, 20 Nov 2026 15:00:00 GMT' },
    30_000,
  ],
  ['a date in the obsolete form', { 'retry-after': 'Friday, 20-Nov-26 14:02:00 GMT' }, 120_000],
  [
    'a date, by a server’s clock that is far ahead',
    { 'retry-after': 'Fri, 20 Nov 2026 14:02:00 GMT', date: 'Fri, 31 Dec 9999 23:59:59 GMT' },
    undefined,
  ],
  [
    'a date, by a server’s clock that is no clock',
    { 'retry-after': 'Fri, 20 Nov 2026 14:02:00 GMT', date: 'Fri, 20 Nov 99999999 00:00:00 GMT' },
    120_000,
  ],
  ['nothing', {}, undefined],
  ['zero', { 'retry-after': '0' }, undefined],
  ['the past', { 'retry-after': 'Fri, 20 Nov 2026 13:00:00 GMT' }, undefined],
  ['a negative number', { 'retry-after': '-5' }, undefined],
  ['a fraction', { 'retry-after': '1.5' }, undefined],
  ['a number that is too large', { 'retry-after': '9'.repeat(400) }, undefined],
  ['words', { 'retry-after': 'soon, 12' }, undefined],
])('Retry-After is read: %s', (_case, headers, expected) => {
  expect(parseRetryAfter(headers as Record<string, string>, now)).toBe(expected);
});
