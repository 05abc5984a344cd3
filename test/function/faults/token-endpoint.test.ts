import {
  BAD_GATEWAY,
  type Fault,
  GENESYS_INVALID_CLIENT,
  GENESYS_THROTTLED,
  jsonAnswer,
  oauthError,
  redirect,
  throttled,
  withExpiresInSource,
  withMembers,
} from '../../../local/authorization-server/faults.ts';
import { MINUTE_MS } from '../../../local/harness.ts';
import type { Scenario } from './scenario.ts';
import { testScenarios } from './test-scenarios.ts';

const group = 'token endpoint';

const UNAVAILABLE = 'TOKEN_ENDPOINT_UNAVAILABLE';
const THROTTLED = 'TOKEN_ENDPOINT_THROTTLED';
const REJECTED = 'TOKEN_REJECTED';
const INVALID = 'TOKEN_RESPONSE_INVALID';

/** The token endpoint's response for a minute, the beat's error code, and text of its message. */
const ANSWERS: readonly (readonly [string, Fault, string, RegExp?])[] = [
  ['connection reset', { kind: 'reset' }, UNAVAILABLE, /Check its status page/],
  ['connection reset in the middle of the answer', { kind: 'reset-mid-response' }, UNAVAILABLE],
  ['hangs', { kind: 'hang' }, UNAVAILABLE],
  ['body comes byte by byte', { kind: 'slow-body', intervalMs: 1_000 }, UNAVAILABLE],
  ['body never ends', { kind: 'endless-body' }, INVALID],
  ['302 to another host', redirect('https://login.example/'), UNAVAILABLE],
  ['500', { kind: 'answer', status: 500 }, UNAVAILABLE],
  ['502 with a web page', BAD_GATEWAY, UNAVAILABLE, /status page/],
  ['503', { kind: 'answer', status: 503 }, UNAVAILABLE],
  [
    'throttled as Genesys Cloud does',
    GENESYS_THROTTLED,
    THROTTLED,
    /find out who else requests tokens often/,
  ],
  ['429 with Retry-After: 30', throttled(30), THROTTLED, /find out who else requests tokens often/],
  ['400 invalid_client', GENESYS_INVALID_CLIENT, REJECTED, /put-secret-value/],
  ['400 invalid_scope', oauthError(400, 'invalid_scope'), REJECTED, /correct scope/],
  ['401 without a body', { kind: 'answer', status: 401 }, REJECTED],
  ['403 of a firewall', { kind: 'answer', status: 403, body: '<html></html>' }, REJECTED],
  ['200 with a web page', { kind: 'answer', status: 200, body: '<html></html>' }, INVALID],
  [
    '200 without a token',
    jsonAnswer(200, { token_type: 'Bearer', expires_in: 3600 }),
    INVALID,
    /Check that the URL/,
  ],
  ['200 with an error', oauthError(200, 'invalid_client'), REJECTED],
  [
    'token of 9,000 bytes',
    withMembers({ access_token: 'x'.repeat(9_000) }),
    'TOKEN_TOO_LARGE',
    /limit is 8192/,
  ],
  ['token with a newline', withMembers({ access_token: 'one\ntwo' }), INVALID],
  ['expires_in 0', withMembers({ expires_in: 0 }), INVALID, /the token has expired already/],
  ['expires_in NaN', withExpiresInSource('NaN'), INVALID],
];

/** Waits until the server's own time has passed: it is asked on the first beat after. */
function retryAfter(form: string, fault: () => Fault): Scenario {
  return {
    group,
    fault: `429 with Retry-After: ${form}, nearly three minutes`,
    arrange: (harness) => harness.authorizationServer.faults.always('token', fault()),
    answers: THROTTLED,
    healedAfter: 3,
  };
}

/** The token endpoint and the probe fail in each way. */
testScenarios([
  ...ANSWERS.map(
    ([fault, answer, code, says]): Scenario => ({
      group,
      fault,
      arrange: ({ authorizationServer }) => authorizationServer.faults.always('token', answer),
      answers: code,
      ...(says && { says }),
    }),
  ),
  retryAfter('seconds', () => throttled(170)),
  // The date form counts from the server's own clock, which is the machine's.
  retryAfter('a date', () => throttled(new Date(Date.now() + 170_000))),
  {
    group,
    fault: 'connections refused for six minutes',
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
    group,
    fault: 'nothing stored, connections reset',
    before: 'empty',
    arrange: ({ authorizationServer }) => authorizationServer.faults.always('token', { kind: 'reset' }),
    answers: UNAVAILABLE,
  },
  {
    group,
    fault: 'gives tokens of five minutes while nine are left',
    arrange: ({ authorizationServer }) => authorizationServer.setLifetime(300),
    repair: ({ authorizationServer }) => authorizationServer.setLifetime(3600),
    // The token that was issued last is stored, whatever the one before it claims.
    answers: 'refreshed, age',
    healedAfter: 0,
  },
  {
    group,
    fault: 'gives the stored token again',
    arrange: ({ authorizationServer, tokens, now }) => {
      const [[access_token, expiresAt] = ['', now()]] = [...tokens].slice(-1);
      const rewrite = (body: Record<string, unknown>) => {
        const expires_in = Math.floor((expiresAt.getTime() - now().getTime()) / 1000);
        return { ...body, access_token, expires_in };
      };
      authorizationServer.faults.always('token', { kind: 'rewrite', rewrite });
    },
    answers: 'still-fresh, same-token',
  },
  {
    group: 'probe',
    fault: 'refuses the new token',
    arrange: ({ authorizationServer }) =>
      authorizationServer.faults.always('probe', { kind: 'answer', status: 401 }),
    answers: 'TOKEN_UNUSABLE',
    says: /Check the region or probeUrl/,
  },
  ...(
    [
      ['500', { kind: 'answer', status: 500 }],
      ['hangs', { kind: 'hang' }],
      ['reset', { kind: 'reset' }],
    ] as const
  ).map(
    ([fault, answer]): Scenario => ({
      group: 'probe',
      fault: `${fault}: the new token is stored unproved`,
      arrange: ({ authorizationServer }) => authorizationServer.faults.always('probe', answer),
      answers: 'refreshed, age',
      healedAfter: 0,
    }),
  ),
]);
