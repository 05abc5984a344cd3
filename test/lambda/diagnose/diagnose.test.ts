import { parseConfig } from '../../../lambda/config.ts';
import { diagnose } from '../../../lambda/diagnose/diagnose.ts';
import { RefreshError } from '../../../lambda/errors.ts';
import type { MintedToken, ProbeResult } from '../../../lambda/mint/minter.ts';
import { createClock } from '../../../lambda/refresh/clock.ts';
import type { Parameters } from '../../../lambda/refresh/parameters.ts';
import type { Stored } from '../../../lambda/refresh/planner.ts';
import { expectNoLeak } from '../../support/leaks.ts';

const awsTime = new Date('2026-11-20T14:00:00Z');
const after = (seconds: number) => new Date(awsTime.getTime() + seconds * 1_000);
const DAY = 86_400;
const ENVIRONMENT = {
  TOKEN_NAME: 'one',
  PROVIDER_SETTINGS: JSON.stringify({ provider: 'oauth2', tokenUrl: 'https://login.example.test/token' }),
  SECRET_ARN: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci-AbCdEf',
  TOKEN_PARAMETER: '/ci/one/access-token',
  STATUS_PARAMETER: '/ci/one/token-status',
  REFRESH_INTERVAL_SECONDS: '3000',
  ASSUMED_LIFETIME_SECONDS: '900',
};
const MINTED: MintedToken = {
  accessToken: 'canary-new',
  issuedAt: awsTime,
  expiresAt: after(3_600),
  grantedScope: 'read write',
  warnings: [],
  secretStage: 'AWSCURRENT',
};
const STORED = {
  version: 7,
  fingerprint: '9f86d081884c',
  issuedAt: awsTime,
  expiresAt: after(1_800),
  refreshDueAt: after(1_500),
  provider: 'oauth2',
  source: parseConfig(ENVIRONMENT).source,
};
const EMPTY: Stored = { tokenVersion: null, status: null };
const storing = (token: object = {}, failure: object | null = null): Stored =>
  ({
    tokenVersion: 7,
    status: { token: { ...STORED, ...token }, provider: 'oauth2', lastFailure: failure },
  }) as Stored;
const fail = (code: RefreshError['code'], message = 'It failed. Do this.') => new RefreshError(code, message);

/** The things that a diagnosis finds. An error is thrown where its value is asked for. */
interface Found {
  environment?: object;
  secretCreatedAt?: Date | undefined | Error;
  mint?: Partial<MintedToken> | Error;
  scope?: string;
  /** By token. Without an entry there is no probe. */
  probes?: Readonly<Record<string, ProbeResult>>;
  stored?: Stored | Error;
  awsTime?: Date | undefined;
  now?: Date;
}

const orThrow = <T>(value: T | Error): T => {
  if (value instanceof Error) throw value;
  return value;
};

async function run(found: Found = {}) {
  const { scope, probes = { 'canary-new': 'accepted', 'canary-old': 'accepted' } } = found;
  const written: unknown[] = [];
  const now = () => found.now ?? after(0.5);
  const clock = createClock(now);
  const parameters: Parameters = {
    read: async () => ({
      ...orThrow(found.stored ?? EMPTY),
      awsTime: 'awsTime' in found ? found.awsTime : awsTime,
    }),
    readToken: async () => 'canary-old',
    writeToken: async ({ accessToken }) => written.push(accessToken) + 7,
    writeStatus: async ({ status }) => void written.push(status.token?.version),
  };
  const diagnosis = await diagnose({
    open: () => ({ config: parseConfig({ ...ENVIRONMENT, ...found.environment }), parameters }),
    loadMinter: async () => ({
      checkSecret: async () => ({
        createdAt: 'secretCreatedAt' in found ? orThrow(found.secretCreatedAt) : awsTime,
      }),
      mint: async () => ({ ...MINTED, ...orThrow(found.mint ?? {}) }),
      ...(scope === undefined ? {} : { scope }),
      ...(Object.keys(probes).length > 0 && {
        probe: async (token: string) => {
          return probes[token] ?? 'unanswered';
        },
      }),
    }),
    now,
    clock,
    signal: AbortSignal.timeout(10_000),
  });
  expectNoLeak(diagnosis, ['canary']);
  return { diagnosis, written };
}

test('a healthy refresher: every step in order, and nothing is stored', async () => {
  const { diagnosis, written } = await run({ scope: 'read' });

  expect(diagnosis).toEqual({
    healthy: true,
    steps: [
      { step: 'config', ok: true },
      { step: 'secret', ok: true, message: 'The secret was stored 0 days ago.' },
      { step: 'token-endpoint', ok: true, message: expect.stringContaining('that lives 3600 s.') },
      { step: 'scope', ok: true, message: 'The server granted every requested scope.' },
      { step: 'probe', ok: true, message: 'The provider accepted the token.' },
      { step: 'parameters', ok: true, warning: expect.stringContaining('No token is stored yet') },
      { step: 'clock', ok: true, message: "The function's clock differs from AWS's by 0 s." },
    ].map((one) => ({ ...one, durationMs: 0 })),
  });
  expect(written).toEqual([]);
});

/** The steps in order; a skipped one is "-". */
test.each<[Found, string]>([
  [{ environment: { REFRESH_INTERVAL_SECONDS: 'soon' } }, 'CONFIG_INVALID of stack, -, -, -, -, -, -'],
  [{ secretCreatedAt: fail('SECRET_MALFORMED') }, 'ok, SECRET_MALFORMED of secret, -, -, -, ok, ok'],
  [{ mint: fail('TOKEN_REJECTED') }, 'ok, ok, TOKEN_REJECTED of secret, -, -, ok, ok'],
  [{ mint: fail('TOKEN_TOO_LARGE') }, 'ok, ok, TOKEN_TOO_LARGE of token endpoint, -, -, ok, ok'],
  [{ mint: new TypeError('canary') }, 'ok, ok, undefined of refresher, -, -, ok, ok'],
  [{ probes: { 'canary-new': 'refused' } }, 'ok, ok, ok, ok, TOKEN_UNUSABLE of token endpoint, ok, ok'],
  [{ stored: fail('PARAMETER_UNAVAILABLE') }, 'ok, ok, ok, ok, ok, PARAMETER_UNAVAILABLE of SSM, -'],
])(
  'a failed step has its code and its fault, and the steps that need it are skipped: %j',
  async (found, verdicts) => {
    const { healthy, steps } = (await run(found)).diagnosis;

    const all = steps.map(({ ok, skipped, code, fault }) =>
      ok ? 'ok' : skipped ? '-' : `${code} of ${fault}`,
    );
    expect(all.join(', ')).toBe(verdicts);
    expect(healthy).toBe(false);
  },
);

test('message and remedy of an error are separate, and a skipped step names the one that it needs', async () => {
  const { steps } = (await run({ secretCreatedAt: fail('SECRET_MALFORMED') })).diagnosis;

  expect(steps[1]).toMatchObject({ message: 'It failed.', remedy: 'Do this.' });
  expect(steps[3]?.message).toBe('Not tried: it needs secret.');
});

const JOBS = { environment: { LONGEST_JOB_SECONDS: '2700' } };
const living = (seconds: number) => ({ mint: { expiresAt: after(seconds) } });

/** By step: the message, then the warning in brackets, then its fault. */
test.each<[Found, string, RegExp]>([
  [{ secretCreatedAt: after(-90 * DAY) }, 'secret', /^The secret was stored 90 days ago\. \[\] $/],
  [
    { secretCreatedAt: after(-91 * DAY) },
    'secret',
    /91 days ago\. \[.* older than 90 days: replace it\.\] secret$/,
  ],
  [{ secretCreatedAt: undefined }, 'secret', /^ \[\] $/],
  [
    { mint: { warnings: ['One.', 'Two.'] } },
    'token-endpoint',
    /lives 3600 s\. \[One\. Two\.\] token endpoint$/,
  ],
  [{ mint: { warnings: ['One.'], secretStage: 'AWSPREVIOUS' } }, 'token-endpoint', /\[One\.\] secret$/],
  [{ ...JOBS, ...living(3_000) }, 'token-endpoint', /lives 3000 s\. \[\] $/],
  [
    { ...JOBS, ...living(2_999) },
    'token-endpoint',
    /\[.*too short for jobs of 45 minutes .*, or lower longestJob to 43 minutes\.\] token endpoint$/,
  ],
  [{ ...JOBS, ...living(400) }, 'token-endpoint', /\[.*, or remove longestJob\.\] token endpoint$/],
  [{}, 'scope', /^No scope was requested\. \[\] $/],
  [{ scope: 'read', mint: { grantedScope: undefined } }, 'scope', /^The server names no scope: .* \[\] $/],
  [
    { scope: 'read  admin', mint: { grantedScope: 'read canary' } },
    'scope',
    /^ \[The server did not grant: admin\. .*\] token endpoint$/,
  ],
  [{ probes: {} }, 'probe', /^There is no probe.* Set probeUrl to try tokens\. \[\] $/],
  [{ probes: { 'canary-new': 'unanswered' } }, 'probe', /^ \[.* the token is not proved.*\] token endpoint$/],
  [
    { stored: storing() },
    'probe',
    /^The provider accepted the token\. The stored one is still accepted\. \[\] $/,
  ],
  // A wrong clock makes no live token look expired: it is compared first.
  [{ stored: storing(), now: after(7_200) }, 'probe', /The stored one is still accepted\. \[\] $/],
  // It must not be sent to the hosts of this source.
  [{ stored: storing({ source: 'fedcba9876543210' }) }, 'probe', /^The provider accepted the token\. \[\] $/],
  [{ stored: storing({ expiresAt: awsTime }) }, 'probe', /^The provider accepted the token\. \[\] $/],
  [{ stored: storing() }, 'parameters', /^Version 7 is stored, 1800 s are left\. \[\] $/],
  [
    { stored: storing({ expiresAt: awsTime }) },
    'parameters',
    /, 0 s are left\. \[The stored token has expired\.\] $/,
  ],
  [
    { stored: storing({}, { code: 'TOKEN_REJECTED' }) },
    'parameters',
    /\[The last mint failed: TOKEN_REJECTED\.\] $/,
  ],
  [
    { stored: { tokenVersion: 7, status: null } },
    'parameters',
    /^ \[The status does not describe the stored .*\] $/,
  ],
  [{ now: after(-299.5) }, 'clock', /differs from AWS's by -300 s\. \[.*clock is wrong.*\] clock$/],
  [{ awsTime: undefined }, 'clock', /^ \[.*no Date header.*\] clock$/],
])('of %j the step %s says %s', async (found, name, says) => {
  const { diagnosis, written } = await run(found);

  const step = diagnosis.steps.find((one) => one.step === name);
  expect(`${step?.message ?? ''} [${step?.warning ?? ''}] ${step?.fault ?? ''}`).toMatch(says);
  expect(diagnosis.healthy).toBe(true);
  expect(written).toEqual([]);
});

test('if the mint ended the stored token, the new one is stored, with a warning', async () => {
  const probes = { 'canary-new': 'accepted', 'canary-old': 'refused' } as const;

  const { diagnosis, written } = await run({ stored: storing(), probes });

  expect(diagnosis.steps[4]).toMatchObject({
    ok: true,
    warning: expect.stringContaining('The new token was stored instead'),
    fault: 'token endpoint',
  });
  expect(written).toEqual(['canary-new', 8]);
});
