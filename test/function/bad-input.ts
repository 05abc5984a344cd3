import {
  BAD_GATEWAY,
  type Fault,
  GENESYS_THROTTLED,
  oauthError,
  throttled,
  withMembers,
} from '../../local/authorization-server/faults.ts';
import type { FaultMatch } from '../../local/aws/faults.ts';
import { MINUTE_MS, play, type Scene, STATUS_PARAMETER, TOKEN_PARAMETER } from './stage.ts';

const WRITE_TOKEN: FaultMatch = { operation: 'PutParameter', name: TOKEN_PARAMETER };
const WRITE_STATUS: FaultMatch = { operation: 'PutParameter', name: STATUS_PARAMETER };

type Case = readonly [what: string, arrange: (scene: Scene) => unknown, code: string, says: RegExp];

function aws(
  what: string,
  match: FaultMatch,
  kind: 'deny' | 'throttle' | 'server-error',
  code: string,
  says: RegExp,
): Case {
  return [what, (scene) => scene.aws.faults.add({ match, fault: { kind } }), code, says];
}

function server(what: string, fault: Fault, code: string, says: RegExp): Case {
  return [what, (scene) => scene.authorizationServer.faults.always('token', fault), code, says];
}

const READ: FaultMatch = { operation: 'GetParameters' };
const SECRET: FaultMatch = { operation: 'GetSecretValue' };

const UNTOUCHED: readonly Case[] = [
  aws('reading the parameters is denied', READ, 'deny', 'PARAMETER_UNAVAILABLE', /deploy the stack again/),
  aws(
    'reading the parameters is throttled',
    READ,
    'throttle',
    'PARAMETER_UNAVAILABLE',
    /raise its throughput/,
  ),
  aws(
    'reading the parameters fails',
    READ,
    'server-error',
    'PARAMETER_UNAVAILABLE',
    /The next beat tries again/,
  ),
  aws('reading the secret is denied', SECRET, 'deny', 'SECRET_UNAVAILABLE', /deploy the stack again/),
  aws(
    'reading the secret is throttled',
    SECRET,
    'throttle',
    'SECRET_UNAVAILABLE',
    /the next beat tries again/,
  ),
  aws('writing the token is denied', WRITE_TOKEN, 'deny', 'PARAMETER_NOT_WRITTEN', /deploy the stack again/),
  aws(
    'writing the token is throttled',
    WRITE_TOKEN,
    'throttle',
    'PARAMETER_NOT_WRITTEN',
    /the next beat tries again/,
  ),
  server('the connection is reset', { kind: 'reset' }, 'TOKEN_ENDPOINT_UNAVAILABLE', /Check its status page/),
  server('a gateway answers with a page', BAD_GATEWAY, 'TOKEN_ENDPOINT_UNAVAILABLE', /status page/),
  server('the client is refused', oauthError(401, 'invalid_client'), 'TOKEN_REJECTED', /put-secret-value/),
  server('the scope is refused', oauthError(400, 'invalid_scope'), 'TOKEN_REJECTED', /correct scope/),
  server('the server throttles', throttled(30), 'TOKEN_ENDPOINT_THROTTLED', /find out who else asks/),
  server('Genesys Cloud throttles', GENESYS_THROTTLED, 'TOKEN_ENDPOINT_THROTTLED', /find out who else asks/),
  server(
    'the answer has no token',
    withMembers({ access_token: undefined }),
    'TOKEN_RESPONSE_INVALID',
    /Check that the URL/,
  ),
  server(
    'the token is too large',
    withMembers({ access_token: 'x'.repeat(9_000) }),
    'TOKEN_TOO_LARGE',
    /8192 at most/,
  ),
  server(
    'the token dies at once',
    withMembers({ expires_in: 0 }),
    'TOKEN_RESPONSE_INVALID',
    /dead on arrival/,
  ),
  [
    'the provider refuses the fresh token',
    ({ authorizationServer }) => authorizationServer.faults.always('probe', { kind: 'answer', status: 401 }),
    'TOKEN_UNUSABLE',
    /Check the region or probeUrl/,
  ],
];

const SECRETS: readonly (readonly [what: string, value: string, says: RegExp])[] = [
  ['the placeholder', '{"client_id":"REPLACE_ME","client_secret":"REPLACE_ME"}', /placeholder/],
  ['no JSON', 'ci-jobs:kT9vQ2mZr6', /not JSON/],
  ['no client_secret', '{"client_id":"ci-jobs"}', /client_secret is missing/],
  ['a trailing newline', '{"client_id":"ci-jobs","client_secret":"kT9vQ2mZr6\\n"}', /ends with a newline/],
];

const keyOf = ({ aws: endpoint }: Scene) =>
  endpoint.kms.keys.find(({ managedBy }) => managedBy === undefined);

describe('bad input, through the synthesized bundle', () => {
  test.each(UNTOUCHED)(
    '%s: its code, what to do next, and the stored token untouched',
    (_what, arrange, code, says) =>
      play({}, async (scene) => {
        await scene.invoke({});
        scene.advance(51 * MINUTE_MS);
        const before = scene.stored();
        await arrange(scene);
        const error = await scene.failure();
        expect(error.name).toBe(code);
        expect(error.message).toMatch(says);
        expect(scene.stored()).toBe(before);
        expect((await scene.readOnce()).problem).toBeUndefined();
        expect(JSON.parse(scene.process.lines.at(-1) ?? '').error).toEqual({ code, message: error.message });
        scene.clearFaults();
        scene.advance(MINUTE_MS);
        expect(await scene.invoke({})).toMatchObject({ outcome: 'refreshed', reason: 'age' });
      }),
  );

  test.each(SECRETS)(
    'a secret with %s is SECRET_MALFORMED, says which, and is followed by no request',
    (_what, secretValue, says) =>
      play({ secretValue }, async (scene) => {
        const requests = scene.authorizationServer.requests.length;
        const error = await scene.failure();
        expect(error.name).toBe('SECRET_MALFORMED');
        expect(error.message).toMatch(says);
        expect(error.message).toContain('put-secret-value');
        expect(scene.authorizationServer.requests).toHaveLength(requests);
        expect(scene.stored()).toBeUndefined();
      }),
  );

  test('a status that cannot be written leaves the new token readable, and the next beat mends it', () =>
    play({}, async (scene) => {
      await scene.invoke({});
      scene.advance(51 * MINUTE_MS);
      const fault = scene.aws.faults.add({ match: WRITE_STATUS, fault: { kind: 'deny' } });
      expect((await scene.failure()).name).toBe('PARAMETER_NOT_WRITTEN');
      expect(scene.stored()?.version).toBe(2);
      expect((await scene.readOnce()).problem).toBeUndefined();
      fault.remove();
      scene.advance(MINUTE_MS);
      expect(await scene.invoke({})).toMatchObject({ outcome: 'refreshed', reason: 'version-mismatch' });
      expect(scene.status()).toMatchObject({ tokenVersion: 3, lastFailure: null });
    }));

  test('a process killed between the two writes is healed by the next beat', () =>
    play({}, async (scene) => {
      await scene.invoke({});
      scene.advance(51 * MINUTE_MS);
      scene.aws.faults.hook('after-executing', WRITE_TOKEN, () => scene.process.kill());
      expect((await scene.failure()).name).toBe('Runtime.ExitError');
      expect((await scene.readOnce()).problem).toBeUndefined();
      scene.clearFaults();
      scene.advance(MINUTE_MS);
      expect(await scene.invoke({})).toMatchObject({ outcome: 'refreshed', reason: 'version-mismatch' });
      expect(scene.status()).toMatchObject({ tokenVersion: scene.stored()?.version });
    }));

  test.each<[string, string, (scene: Scene) => unknown]>([
    [
      'a token deleted',
      'no-token',
      (scene) => scene.parameters('DeleteParameter', { Name: TOKEN_PARAMETER }),
    ],
    [
      'a token overwritten by hand',
      'version-mismatch',
      (scene) => put(scene, TOKEN_PARAMETER, 'SecureString', 'by-hand'),
    ],
    [
      'a status deleted',
      'status-unreadable',
      (scene) => scene.parameters('DeleteParameter', { Name: STATUS_PARAMETER }),
    ],
    [
      'a status that is no JSON',
      'status-unreadable',
      (scene) => put(scene, STATUS_PARAMETER, 'String', '{"schema'),
    ],
    [
      'a status from the future',
      'clock-future',
      (scene) => {
        const hours = (count: number) =>
          new Date(scene.now().getTime() + count * 60 * MINUTE_MS).toISOString();
        const status = {
          ...scene.status(),
          issuedAt: hours(2),
          refreshDueAt: hours(2.5),
          expiresAt: hours(3),
        };
        put(scene, STATUS_PARAMETER, 'String', JSON.stringify(status));
      },
    ],
  ])('%s is replaced by the next beat', (_what, reason, arrange) =>
    play({}, async (scene) => {
      await scene.invoke({});
      scene.advance(MINUTE_MS);
      arrange(scene);
      expect(await scene.invoke({})).toMatchObject({ outcome: 'refreshed', reason });
      expect((await scene.readOnce()).problem).toBeUndefined();
      expect(scene.status()).toMatchObject({ tokenVersion: scene.stored()?.version });
    }),
  );

  test('a token that began with version 1 again is not taken for the one that the status describes', () =>
    play({}, async (scene) => {
      await scene.invoke({});
      scene.advance(MINUTE_MS);
      scene.parameters('DeleteParameter', { Name: TOKEN_PARAMETER });
      scene.aws.faults.hook('after-executing', WRITE_TOKEN, () => scene.process.kill());
      await scene.failure();
      scene.clearFaults();
      expect(scene.status()).toMatchObject({ tokenVersion: scene.stored()?.version });
      expect(await scene.invoke({})).toMatchObject({ outcome: 'refreshed', reason: 'version-mismatch' });
    }));

  test('a key that the function may not encrypt with, or that is disabled, is PARAMETER_NOT_WRITTEN', () =>
    play(
      { token: (places) => ({ encryptionKeyArn: places.aws.kms.addKey().arn }), isDenied: true },
      async (scene) => {
        await scene.invoke({});
        const before = scene.stored();
        const key = keyOf(scene);
        if (!key) throw new Error('The room has no key.');
        const { policy } = key;
        key.policy = { Version: '2012-10-17', Statement: [] };
        const denied = await scene.failure({ force: true });
        expect(denied.name).toBe('PARAMETER_NOT_WRITTEN');
        expect(denied.message).toMatch(/Allow it in the function's role and in the KMS key's policy/);
        key.policy = policy;
        key.state = 'Disabled';
        const disabled = await scene.failure({ force: true });
        expect(disabled.name).toBe('PARAMETER_NOT_WRITTEN');
        expect(disabled.message).toMatch(/The KMS key is disabled, being deleted, or not usable/);
        expect(scene.stored()).toBe(before);
      },
    ));
});

function put(scene: Scene, Name: string, Type: string, Value: string): void {
  scene.parameters('PutParameter', { Name, Type, Value, Overwrite: true });
}
