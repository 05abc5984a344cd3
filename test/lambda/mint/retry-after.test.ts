import { parseRetryAfter } from '../../../lambda/mint/retry-after.ts';

const now = new Date('2026-11-20T14:00:00Z');
const LATER = 'Fri, 20 Nov 2026 14:02:00 GMT';

test.each<[string, Record<string, string>, number | undefined]>([
  ['seconds', { 'retry-after': ' 120 ' }, 120_000],
  ['a date, by the local clock', { 'retry-after': LATER }, 120_000],
  [
    'a date, by the server’s own clock',
    { 'retry-after': 'Fri, 20 Nov 2026 15:00:30 GMT', date: 'Fri, 20 Nov 2026 15:00:00 GMT' },
    30_000,
  ],
  ['a date in the obsolete form', { 'retry-after': 'Friday, 20-Nov-26 14:02:00 GMT' }, 120_000],
  [
    'a date, by a clock far ahead',
    { 'retry-after': LATER, date: 'Fri, 31 Dec 9999 23:59:59 GMT' },
    undefined,
  ],
  [
    'a date, by a clock that is none',
    { 'retry-after': LATER, date: 'Fri, 20 Nov 99999999 00:00:00 GMT' },
    120_000,
  ],
  ['nothing', {}, undefined],
  ...['0', '-5', '1.5', 'Fri, 20 Nov 2026 13:00:00 GMT', '9'.repeat(400), 'soon, 12'].map(
    (value): [string, Record<string, string>, undefined] => [value, { 'retry-after': value }, undefined],
  ),
])('Retry-After is read: %s', (_case, headers, expected) => {
  expect(parseRetryAfter(headers, now)).toBe(expected);
});
