import {
  BAD_GATEWAY,
  type Fault,
  GENESYS_THROTTLED,
  jsonAnswer,
  oauthError,
  throttled,
  withMembers,
} from '../../../local/authorization-server/faults.ts';
import { MINUTE_MS } from '../../../local/harness.ts';
import { type Scenario, testScenarios } from './scenario.ts';

const UNAVAILABLE = 'TOKEN_ENDPOINT_UNAVAILABLE';
const THROTTLED = 'TOKEN_ENDPOINT_THROTTLED';

/** The token endpoint's response for a minute, the beat's error code, and text of its message. */
const ANSWERS: readonly (readonly [string, Fault, string, RegExp])[] = [
  ['connection reset', { kind: 'reset' }, UNAVAILABLE, /Check its status page/],
  ['body comes byte by byte', { kind: 'slow-body', intervalMs: 1_000 }, UNAVAILABLE, /status page/],
  ['502 with a web page', BAD_GATEWAY, UNAVAILABLE, /status page/],
  [
    'throttled as Genesys Cloud does',
    GENESYS_THROTTLED,
    THROTTLED,
    /find out who else requests tokens often/,
  ],
  ['400 invalid_scope', oauthError(400, 'invalid_scope'), 'TOKEN_REJECTED', /correct scope/],
  [
    '200 without a token',
    jsonAnswer(200, { token_type: 'Bearer', expires_in: 3600 }),
    'TOKEN_RESPONSE_INVALID',
    /Check that the URL/,
  ],
  [
    'token of 9,000 bytes',
    withMembers({ access_token: 'x'.repeat(9_000) }),
    'TOKEN_TOO_LARGE',
    /limit is 8192/,
  ],
];

/** The token endpoint and the probe fail with each error code. */
testScenarios([
  ...ANSWERS.map(
    ([fault, answer, code, says]): Scenario => ({
      fault: `token endpoint: ${fault}`,
      arrange: ({ authorizationServer }) => authorizationServer.faults.always('token', answer),
      answers: code,
      says,
    }),
  ),
  {
    fault: 'token endpoint: 429 with Retry-After, nearly three minutes',
    arrange: ({ authorizationServer }) => authorizationServer.faults.always('token', throttled(170)),
    answers: THROTTLED,
    // It is asked on the first beat after the server's own time.
    healedAfter: 3,
  },
  {
    fault: 'token endpoint: connections refused for six minutes',
    arrange: ({ authorizationServer }) => authorizationServer.faults.goOffline(),
    async act(harness) {
      let answer = await harness.beat();
      for (let minute = 1; minute < 6; minute += 1) {
        harness.advance(MINUTE_MS);
        answer = await harness.beat();
      }
      await harness.authorizationServer.faults.goOnline();
      return answer;
    },
    answers: UNAVAILABLE,
  },
  {
    fault: 'probe: refuses the new token',
    arrange: ({ authorizationServer }) =>
      authorizationServer.faults.always('probe', { kind: 'answer', status: 401 }),
    answers: 'TOKEN_UNUSABLE',
    says: /Check the region or probeUrl/,
  },
  {
    fault: 'probe: hangs, and the new token is stored unproved',
    arrange: ({ authorizationServer }) => authorizationServer.faults.always('probe', { kind: 'hang' }),
    answers: 'refreshed, age',
    healedAfter: 0,
  },
]);
