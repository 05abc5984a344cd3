import { fingerprintOf } from '../../lambda/refresh/store.ts';
import { MINUTE_MS, play, type Scene } from './stage.ts';

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

function resultOf(scene: Scene, expected: { outcome: string; reason: string; tokenVersion: number }) {
  return {
    ...expected,
    satisfied: true,
    fingerprint: fingerprintOf(scene.stored()?.value ?? ''),
    issuedAt: ISO,
    expiresAt: ISO,
    remainingSeconds: expect.any(Number),
  };
}

const secretLabelUpdated = {
  version: '0',
  id: '1b5d2e0c-0000-4000-8000-000000000000',
  'detail-type': 'Secret Label Updated',
  source: 'aws.secretsmanager',
  detail: { name: 'demo/oauth-client', labelUpdated: 'AWSCURRENT', versionId: 'v' },
};

describe('the events of the contract, through the synthesized bundle', () => {
  test('the schedule’s event mints where there is no token, and leaves a fresh one alone', () =>
    play({}, async (scene) => {
      const event = JSON.parse(scene.fn.schedule.input);
      const first = await scene.invoke(event);
      expect(first).toEqual(resultOf(scene, { outcome: 'refreshed', reason: 'no-token', tokenVersion: 1 }));
      expect(Date.parse(String(first.expiresAt)) - Date.parse(String(first.issuedAt))).toBe(3_600_000);
      expect(first.remainingSeconds).toBeGreaterThan(3_590);

      for (const again of [
        event,
        {},
        { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} },
      ]) {
        expect(await scene.invoke(again)).toEqual(
          resultOf(scene, { outcome: 'still-fresh', reason: 'not-due', tokenVersion: 1 }),
        );
      }
    }));

  test('a token is minted anew when it is due, and its status says so', () =>
    play({}, async (scene) => {
      await scene.invoke({});
      scene.advance(51 * MINUTE_MS);
      expect(await scene.invoke({})).toEqual(
        resultOf(scene, { outcome: 'refreshed', reason: 'age', tokenVersion: 2 }),
      );
      expect(scene.status()).toEqual({
        schemaVersion: 1,
        tokenVersion: 2,
        fingerprint: fingerprintOf(scene.stored()?.value ?? ''),
        issuedAt: ISO,
        expiresAt: ISO,
        expiresAtEpoch: expect.any(Number),
        refreshDueAt: ISO,
        provider: 'oauth2',
        lastFailure: null,
      });
    }));

  test('force mints now; so does Secrets Manager’s event', () =>
    play({}, async (scene) => {
      await scene.invoke({});
      scene.advance(MINUTE_MS);
      expect(await scene.invoke({ force: true })).toMatchObject({ outcome: 'refreshed', reason: 'forced' });
      scene.advance(MINUTE_MS);
      expect(await scene.invoke(secretLabelUpdated)).toEqual(
        resultOf(scene, { outcome: 'refreshed', reason: 'secret-changed', tokenVersion: 3 }),
      );
    }));

  test('minRemainingSeconds mints only if less is left, and not again and again for what no token can give', () =>
    play({}, async (scene) => {
      const mints = () => scene.tokens.size;
      await scene.invoke({});
      scene.advance(20 * MINUTE_MS);
      expect(await scene.invoke({ minRemainingSeconds: 1800 })).toMatchObject({
        reason: 'not-due',
        satisfied: true,
      });
      expect(mints()).toBe(1);
      expect(await scene.invoke({ minRemainingSeconds: 2700 })).toEqual(
        resultOf(scene, { outcome: 'refreshed', reason: 'min-remaining', tokenVersion: 2 }),
      );
      for (const _ of [1, 2, 3]) {
        expect(await scene.invoke({ minRemainingSeconds: 86_400 })).toMatchObject({
          outcome: 'still-fresh',
          satisfied: false,
          tokenVersion: 2,
        });
      }
      expect(mints()).toBe(2);
    }));

  test('while a backoff runs, an unsatisfied wish gets the best there is and the failure’s code', () =>
    play({}, async (scene) => {
      await scene.invoke({});
      scene.advance(20 * MINUTE_MS);
      scene.authorizationServer.faults.always('token', { kind: 'answer', status: 401 });
      expect((await scene.failure({ force: true })).name).toBe('TOKEN_REJECTED');
      expect(await scene.invoke({ minRemainingSeconds: 2700 })).toEqual({
        ...resultOf(scene, { outcome: 'still-fresh', reason: 'backoff', tokenVersion: 1 }),
        satisfied: false,
        failure: 'TOKEN_REJECTED',
      });
    }));

  test('diagnose runs every step and stores nothing', () =>
    play({}, async (scene) => {
      await scene.invoke({});
      const { healthy, steps } = await scene.invoke({ diagnose: true });
      expect(healthy).toBe(true);
      expect((steps as { step: string }[]).map(({ step }) => step)).toEqual([
        'config',
        'secret',
        'token-endpoint',
        'scope',
        'probe',
        'parameters',
        'clock',
      ]);
      expect(scene.stored()?.version).toBe(1);
    }));

  test.each<[string, unknown]>([
    ['an unknown key', { forced: true }],
    ['force with another value', { force: 'yes' }],
    ['two keys', { force: true, diagnose: true }],
    ['an array', []],
    ['a text', 'force'],
    ['a negative number of seconds', { minRemainingSeconds: -1 }],
    ['seconds as a text', { minRemainingSeconds: '2700' }],
    ['an event of another service', { source: 'aws.s3', 'detail-type': 'Object Created', detail: {} }],
  ])('%s is EVENT_INVALID, and nothing is minted', (_what, event) =>
    play({}, async (scene) => {
      const error = await scene.failure(event as object);
      expect(error.name).toBe('EVENT_INVALID');
      expect(error.message).toContain('Nothing was minted or stored.');
      expect(scene.tokens.size).toBe(0);
    }),
  );

  test('each invocation writes one line: JSON, with the remaining life as a reader saw it as its metric', () =>
    play({}, async (scene) => {
      await scene.invoke({});
      scene.advance(51 * MINUTE_MS);
      await scene.invoke({});
      scene.authorizationServer.faults.always('token', { kind: 'reset' });
      await scene.failure({ force: true });
      await scene.failure({ nonsense: true });
      const lines = scene.process.lines.map((line) => JSON.parse(line));
      expect(lines).toHaveLength(4);
      const metric = {
        Namespace: 'TokenRefresher',
        Dimensions: [['TokenParameter']],
        Metrics: [{ Name: 'RemainingSeconds', Unit: 'Seconds' }],
      };
      for (const line of lines.slice(0, 3)) {
        expect(line._aws).toEqual({ Timestamp: expect.any(Number), CloudWatchMetrics: [metric] });
        expect(line.TokenParameter).toBe('/ci/demo/access-token');
      }
      const remaining = lines.map(({ RemainingSeconds }) => Math.round(RemainingSeconds / 60));
      expect(remaining).toEqual([0, 9, 60, Number.NaN]);
      expect(lines.map(({ level }) => level)).toEqual(['info', 'info', 'error', 'error']);
      expect(lines[2].error.code).toBe('TOKEN_ENDPOINT_UNAVAILABLE');
    }));
});
