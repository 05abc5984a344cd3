import { parseEvent } from '../../lambda/event.ts';

const CHANGED = { source: 'aws.secretsmanager', 'detail-type': 'Secret Label Updated' };
test.each<[string, unknown, object]>([
  ['an empty object', {}, { kind: 'beat' }],
  ['no payload', null, { kind: 'beat' }],
  ['the scheduler’s event', { source: 'aws.scheduler', 'detail-type': 'Scheduled Event' }, { kind: 'beat' }],
  ['force', { force: true }, { kind: 'force' }],
  ['diagnose', { diagnose: true }, { kind: 'diagnose' }],
  ['a wish', { minRemainingSeconds: 2700 }, { kind: 'min-remaining', minRemainingMs: 2_700_000 }],
  ['a great wish', { minRemainingSeconds: 1e9 }, { kind: 'min-remaining', minRemainingMs: 1e12 }],
  ['a changed secret', CHANGED, { kind: 'secret-changed' }],
])('reads %s', (_, event, expected) => {
  expect(parseEvent(event)).toEqual(expected);
});

const TEXT = 's3cr3t+canary==';
test.each([
  ['a string', TEXT, 'The event is not a JSON object.'],
  ['an array', [], 'The event is not a JSON object.'],
  ['force: false', { force: false }, '"force" must be true.'],
  ['force as text', { force: TEXT }, '"force" must be true.'],
  ['seconds as text', { minRemainingSeconds: TEXT }, '"minRemainingSeconds" must be'],
  ['negative seconds', { minRemainingSeconds: -1 }, 'must be a whole number, 0 or more.'],
  ['a fraction of a second', { minRemainingSeconds: 1.5 }, '"minRemainingSeconds" must be'],
  ['seconds that no number holds', { minRemainingSeconds: 1e21 }, '"minRemainingSeconds" must be'],
  ['two wishes', { force: true, diagnose: true }, '2 keys ("force", "diagnose"); at most one is allowed.'],
  ['an unknown key', { refresh: true }, 'The event has an unknown key ("refresh").'],
  ['a pasted key', { [TEXT]: true }, 'The event has an unknown key (one that is not a plain name).'],
  ['another AWS event', { source: 'aws.s3', 'detail-type': TEXT }, 'neither a schedule nor "Secret'],
  ['another secret event', { source: 'aws.secretsmanager', 'detail-type': 'Rotated' }, 'neither a schedule'],
  ['a label from elsewhere', { source: 'x', 'detail-type': 'Secret Label Updated' }, 'neither a schedule'],
])('refuses %s as EVENT_INVALID, without its text', (_, event, message) => {
  const parse = () => parseEvent(event);

  expect(parse).toThrow(expect.objectContaining({ code: 'EVENT_INVALID' }));
  expect(parse).toThrow(message);
  expect(parse).toThrow('Send {}, {"force":true}');
  expect(parse).not.toThrow(TEXT);
});
