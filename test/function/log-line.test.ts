import { MINUTE_MS } from '../../local/harness.ts';
import { useHarnesses } from './harnesses.ts';

// Through the synthesized bundle in its own process.
const open = useHarnesses();

test('each invocation writes one line of JSON; its metric is the remaining life as a reader saw it', async () => {
  const harness = await open();
  await harness.invoke({});
  harness.advance(51 * MINUTE_MS);
  await harness.invoke({});
  harness.authorizationServer.faults.always('token', { kind: 'reset' });
  await harness.failure({ force: true });
  await harness.failure({ nonsense: true });

  const lines = harness.process.lines.map((line) => JSON.parse(line));

  const metric = {
    Namespace: 'TokenRefresher',
    Dimensions: [['TokenParameter']],
    Metrics: [{ Name: 'RemainingSeconds', Unit: 'Seconds' }],
  };
  expect(lines.map(({ level }) => level)).toEqual(['info', 'info', 'error', 'error']);
  expect(lines[2].error.code).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
  const remaining = lines.map(({ RemainingSeconds }) => Math.round(RemainingSeconds / 60));
  expect(remaining).toEqual([0, 9, 60, Number.NaN]);
  for (const line of lines.slice(0, 3)) {
    expect(line._aws).toEqual({ Timestamp: expect.any(Number), CloudWatchMetrics: [metric] });
    expect(line.TokenParameter).toBe('/ci/demo/access-token');
  }
});
