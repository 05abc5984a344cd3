import fc from 'fast-check';
import { RefreshError } from '../../../lambda/errors.ts';
import type { Minter } from '../../../lambda/mint/minter.ts';
import { readTokenResponse } from '../../../lambda/mint/token-response.ts';
import { createClock } from '../../../lambda/refresh/clock.ts';
import type { Parameters } from '../../../lambda/refresh/parameters.ts';
import { createMemory, refresh } from '../../../lambda/refresh/refresh.ts';
import type { Status } from '../../../lambda/refresh/status.ts';
import { fingerprintOf } from '../../../lambda/refresh/store.ts';

const start = Date.parse('2026-11-20T14:00:00Z');

/** A Parameter Store of two values, with the history of the tokens. */
function createParameters() {
  const tokens: string[] = [];
  let status: Status | null = null;
  const parameters: Parameters = {
    read: async () => ({ tokenVersion: tokens.length || null, status, awsTime: undefined }),
    readToken: async ({ version }) => tokens[version - 1] ?? null,
    writeToken: async ({ accessToken }) => tokens.push(accessToken),
    writeStatus: async (options) => {
      status = options.status;
    },
  };
  return { parameters, tokens, status: () => status };
}

const jwt = fc.integer({ min: start / 1000 - 4000, max: start / 1000 + 90_000 }).map((exp) => {
  const claims = Buffer.from(JSON.stringify({ exp })).toString('base64url');
  return `eyJhbGciOiJub25lIn0.${claims}.c2ln`;
});
const expiresIn = fc.oneof(
  fc.integer({ min: -10, max: 200_000 }),
  fc.integer({ min: 1, max: 7200 }).map(String),
  fc.constantFrom(undefined, null, '', 'NaN', 1e300, 0.5, true, {}, []),
);
const accessToken = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/) },
  { weight: 2, arbitrary: jwt },
  { weight: 1, arbitrary: fc.constant('the-same-again') },
  fc.constantFrom(undefined, null, '', 'with\nnewline', 'x'.repeat(9_000), 7),
);
const body = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        access_token: accessToken,
        expires_in: expiresIn,
        token_type: fc.constantFrom('Bearer', 'bearer', 'BEARER', undefined, 'mac', 7),
        error: fc.constantFrom(undefined, undefined, '', 'invalid_client'),
      })
      .map((record) => JSON.stringify(record)),
  },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string() },
);
const response = fc.record({
  status: fc.oneof(
    { weight: 6, arbitrary: fc.constant(200) },
    fc.constantFrom(201, 302, 400, 401, 429, 500, 503),
  ),
  headers: fc.record(
    { 'retry-after': fc.constantFrom('30', 'soon', '-1', 'Fri, 20 Nov 2026 14:01:00 GMT') },
    { requiredKeys: [] },
  ),
  body,
  isTruncated: fc.constantFrom(false, false, false, true),
});

test('no response of a token endpoint crashes a mint, or prevents a later one', async () => {
  const visited = new Set<string>();
  let answers = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(response, fc.integer({ min: 1, max: 90 })), { minLength: 2, maxLength: 6 }),
      async (steps) => {
        let nowMs = start;
        const clock = createClock(() => new Date(nowMs));
        const store = createParameters();
        const memory = createMemory();
        for (const [answer, minutes] of steps) {
          nowMs += minutes * 60_000;
          let mintedToken: string | undefined;
          const minter: Minter = {
            checkSecret: async () => ({ createdAt: undefined }),
            mint: async () => {
              answers += 1;
              const issuedAt = clock.now();
              const token = readTokenResponse(answer, {
                host: 'login.example.test',
                now: issuedAt,
                issuedAt,
                assumedLifetimeMs: 15 * 60_000,
                secrets: [],
                credentialErrors: [],
                areCredentialsEncoded: false,
                hints: {},
                secretAdvice: '',
              });
              mintedToken = token.accessToken;
              return { ...token, secretStage: 'AWSCURRENT' };
            },
          };
          const outcome = await refresh({
            request: { kind: 'force' },
            parameters: store.parameters,
            loadMinter: async () => minter,
            hasProbe: false,
            clock,
            policy: { refreshIntervalMs: 50 * 60_000, source: '0123456789abcdef', encryptionKey: null },
            provider: 'oauth2',
            memory,
            observations: { remainingMs: null, warnings: [] },
            signal: new AbortController().signal,
            recordingSignal: () => new AbortController().signal,
          }).then(
            (result) => result.reason,
            (error: unknown) => {
              if (!(error instanceof RefreshError)) throw error;
              return error.code;
            },
          );
          visited.add(outcome);
          const after = store.status()?.token ?? null;
          if (mintedToken !== undefined) {
            expect(store.tokens.at(-1)).toBe(mintedToken);
            expect(after?.fingerprint).toBe(fingerprintOf(mintedToken));
          }
          // What the status describes is what a reader gets, and no newline or oversized value ever got there.
          if (after !== null) expect(after.version).toBe(store.tokens.length);
          expect(store.tokens.every((token) => /^[\x21-\x7e]{1,8192}$/.test(token))).toBe(true);
        }
      },
    ),
    { numRuns: 3_000 },
  );
  expect(answers).toBeGreaterThan(10_000);
  // The generator reaches what it is meant to reach.
  expect([...visited].sort()).toEqual(
    expect.arrayContaining([
      'TOKEN_REJECTED',
      'TOKEN_RESPONSE_INVALID',
      'TOKEN_TOO_LARGE',
      'forced',
      'same-token',
    ]),
  );
});
