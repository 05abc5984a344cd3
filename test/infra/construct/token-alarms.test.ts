import { Duration } from 'aws-cdk-lib';
import fc from 'fast-check';
import { dyingAlarm } from '../../../infra/construct/dying-alarm.ts';
import type { TokenRefresherProps } from '../../../infra/construct/token-refresher.ts';
import { BEAT_MS, dueAgeMs, greatestLongestJobMs, guarantee } from '../../../lambda/contract.ts';
import { ringAlarm } from '../../../local/simulation/alarm.ts';
import { addRefresher, newStack, templateOf } from './own-refresher.ts';

/** From the beat of the last breaching minute on: the minute's end, and CloudWatch. */
const EVALUATION_MS = 2 * BEAT_MS;

/** How late a beat may come. */
const JITTER_MS = 15_000;

/** A token's life, what decides how often it is replaced, and when its first beat comes, in milliseconds. */
const lives = fc
  .record({
    lifetimeMs: fc.integer({ min: 5, max: 2880 }).map((minutes) => minutes * 60_000),
    refreshIntervalMs: fc.integer({ min: 1, max: 1440 }).map((minutes) => minutes * 60_000),
    jobShare: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    firstBeatMs: fc.integer({ min: 0, max: BEAT_MS - 1 }),
  })
  .map(({ lifetimeMs, refreshIntervalMs, jobShare, firstBeatMs }) => {
    const longestJobMs =
      jobShare === null ? undefined : Math.floor(jobShare * greatestLongestJobMs(lifetimeMs));
    return { lifetimeMs, firstBeatMs, promise: guarantee(lifetimeMs, { refreshIntervalMs, longestJobMs }) };
  });

test('the alarm comes in time, or the stack warns that it may not, and never while the token is refreshed in time', () => {
  const property = fc.property(lives, ({ lifetimeMs, firstBeatMs, promise }) => {
    const alarm = dyingAlarm(promise);
    const { thresholdSeconds, datapoints } = alarm;
    const neededMs = promise.job?.longestJobMs ?? 0;
    const dueMs = dueAgeMs(promise.refreshAfterMs);
    // The oldest token that a beat finds: it was not quite due a beat ago.
    const beatsBefore = Math.max(0, Math.ceil((dueMs - firstBeatMs) / BEAT_MS));
    const healthyMs = lifetimeMs - (firstBeatMs + beatsBefore * BEAT_MS + JITTER_MS);
    if (promise.outageToleranceMs > 0) expect(healthyMs / 1000).toBeGreaterThanOrEqual(thresholdSeconds);
    if (!alarm.isRaisedInTime) return;

    // A token that is not replaced.
    let atMs = firstBeatMs;
    for (let breaching = 0; breaching < datapoints; atMs += BEAT_MS) {
      breaching = (lifetimeMs - atMs) / 1000 < thresholdSeconds ? breaching + 1 : 0;
    }
    expect(lifetimeMs - (atMs - BEAT_MS + EVALUATION_MS)).toBeGreaterThanOrEqual(neededMs);
    if (!alarm.countsMissingAsZero) return;

    // A heartbeat that stops at the worst moment. The least that the last beat can have seen:
    const seenMs = promise.floorMs + promise.refreshAfterMs - dueMs;
    const values = new Float64Array(40).fill(Number.NaN).fill(Math.floor(seenMs / 1000), 0, 11);
    const [raisedMs = Number.POSITIVE_INFINITY] = ringAlarm(values, alarm, 5 * BEAT_MS);
    const lastBeatMs = 10 * BEAT_MS + firstBeatMs;
    expect(seenMs - (raisedMs - lastBeatMs)).toBeGreaterThanOrEqual(neededMs);
  });

  fc.assert(property, { numRuns: 500 });
});

// The alarms of usual tokens are in the snapshot of token-refresher.test.ts.
test('leaves missing minutes to CloudWatch where one minute alone must raise the alarm', () => {
  templateOf({
    expectedLifetime: Duration.minutes(10),
    refreshInterval: Duration.minutes(4),
  }).hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName: 'RemainingSeconds',
    EvaluationPeriods: 1,
    Threshold: 240,
  });
});

const LONGEST = `https://wiki.example.com/${'x'.repeat(275)}`;

test.each<[Partial<TokenRefresherProps>, string]>([
  [
    { expectedLifetime: Duration.hours(24) },
    'has less than 11 h 34 min left (normally at least 23 h 8 min), or the function that refreshes it has stopped running. Jobs work until the token expires, about 11 h 26 min after this alarm (expiresAt in /ci/deploy/token-status). Runbook: docs/runbook.md of token-refresher, ',
  ],
  [
    { expectedLifetime: Duration.hours(1), longestJob: Duration.minutes(45) },
    'From this alarm on, jobs of 45 min (longestJob) outlive it. Shorter jobs work until it expires (expiresAt in /ci/deploy/token-status).',
  ],
  [
    { parameterPrefix: `/${'p'.repeat(7)}`, tokenName: 'n'.repeat(40), runbookUrl: LONGEST },
    ` Runbook: ${LONGEST} . To find the cause, run: `,
  ],
])('the mail says what is left, what is normal, until when jobs work, and what to do: %j', (props, text) => {
  const alarms = templateOf(props).findResources('AWS::CloudWatch::Alarm');

  const [dying = '', failing = ''] = Object.values(alarms).map(({ Properties }) =>
    Properties.AlarmDescription['Fn::Join'][1]
      .map((part: unknown) => (typeof part === 'string' ? part : 'eu-isoe-west-1'))
      .join(''),
  );

  expect(dying).toContain(text);
  for (const one of [dying, failing]) {
    expect(one).toMatch(/echo '\{"diagnose":true\}' \| aws lambda invoke .*$/);
    // CloudWatch's limit.
    expect(one.length).toBeLessThanOrEqual(1_024);
  }
  expect(Object.values(alarms).map(({ Properties }) => Properties.AlarmName)).toEqual([
    expect.stringMatching(/^token-refresher-.*-expires-soon$/),
    expect.stringMatching(/^token-refresher-.*-refresh-failing$/),
  ]);
});

test.each<[string, number, object, string[]]>([
  ['nothing', 21, {}, []],
  ['an alarm after the token has expired', 20, {}, ['an outage of only 2 min 20 s']],
  ['no job', 60, { longestJob: Duration.minutes(51) }, []],
  [
    'an alarm after the job guarantee is broken',
    60,
    { longestJob: Duration.minutes(52) },
    ['Jobs of 52 min (longestJob) with the token "deploy" outlast an outage of only 2 min 10 s'],
  ],
  ['no interval', 60, { refreshInterval: Duration.minutes(50) }, []],
  [
    'an interval above 5/6 of the lifetime',
    60,
    { refreshInterval: Duration.minutes(51) },
    [
      'refreshInterval of 51 min is more than 5/6 of the lifetime of 1 h: /ci/deploy/access-token is replaced after 50 min.',
    ],
  ],
])('warns about alarms without a topic, and %s', (_, lifetime, times, expected) => {
  const stack = newStack();

  addRefresher(stack, { expectedLifetime: Duration.minutes(lifetime), ...times });

  const warnings = stack.node
    .findAll()
    .flatMap(({ node }) => node.metadata.filter(({ type }) => type === 'aws:cdk:warning'));
  const texts = ['The alarms of the token "deploy" notify nobody', ...expected];
  expect(warnings.map(({ data }) => data)).toEqual(texts.map((text) => expect.stringContaining(text)));
});
