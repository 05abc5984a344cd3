import { parseConfig } from '../../../lambda/config.ts';
import { diagnose } from '../../../lambda/diagnose/diagnose.ts';
import type { DiagnosisStep } from '../../../lambda/diagnose/step.ts';
import { RefreshError } from '../../../lambda/errors.ts';
import type { MintedToken, Minter, ProbeResult } from '../../../lambda/mint/minter.ts';
import { createClock } from '../../../lambda/refresh/clock.ts';
import type { Parameters } from '../../../lambda/refresh/parameters.ts';
import type { Stored } from '../../../lambda/refresh/planner.ts';
import { expectNoLeak } from '../../support/leaks.ts';
import { ENVIRONMENT } from '../environment.ts';

const awsTime = new Date('2026-11-20T14:00:00Z');
const after = (seconds: number) => new Date(awsTime.getTime() + seconds * 1_000);
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
const storing = (changes: object = {}, lastFailure: object | null = null) => {
  const status = { token: { ...STORED, ...changes }, provider: 'oauth2', lastFailure };
  return { tokenVersion: 7, status } as Stored;
};
const fail = (code: RefreshError['code']) => new RefreshError(code, 'It failed. Do this.');

/** The things that a diagnosis finds. An error is thrown where its value is asked for. */
const HEALTHY = {
  environment: {},
  secretCreatedAt: awsTime as Date | undefined | Error,
  mint: {} as Partial<MintedToken> | Error,
  scope: undefined as string | undefined,
  /** By token. Without an entry there is no probe. */
  probes: { 'canary-new': 'accepted', 'canary-old': 'accepted' } as Readonly<Record<string, ProbeResult>>,
  stored: { tokenVersion: null, status: null } as Stored | Error,
  awsTime: awsTime as Date | undefined,
  now: after(0.5),
  /** What the refresh before the steps does to what is stored. */
  refreshedTo: undefined as Stored | undefined,
};
type Found = typeof HEALTHY;

const orThrow = <T>(value: T | Error): T => {
  if (value instanceof Error) throw value;
  return value;
};

async function run(changes: Partial<Found> = {}) {
  const found = { ...HEALTHY, ...changes };
  const { scope, probes } = found;
  const written: unknown[] = [];
  const now = () => found.now;
  let stored = found.stored;
  const parameters: Parameters = {
    read: async () => ({ ...orThrow(stored), awsTime: found.awsTime }),
    readToken: async () => 'canary-old',
    writeToken: async () => written.push('token'),
    writeStatus: async () => void written.push('status'),
    tag: async () => undefined,
  };
  const probe = async (token: string) => probes[token] ?? 'unanswered';
  const minter: Minter = {
    checkSecret: async () => ({ createdAt: orThrow(found.secretCreatedAt) }),
    mint: async () => ({ ...MINTED, ...orThrow(found.mint) }),
    ...(scope === undefined ? {} : { scope }),
    ...(Object.keys(probes).length > 0 ? { probe } : {}),
  };
  const diagnosis = await diagnose({
    open: () => ({ config: parseConfig({ ...ENVIRONMENT, ...found.environment }), parameters }),
    loadMinter: async () => minter,
    refresh: async ({ kind }) => {
      if (kind === 'force') written.push('forced');
      if (found.refreshedTo === undefined) return { outcome: 'still-fresh', reason: 'not-due' };
      stored = found.refreshedTo;
      return { outcome: 'refreshed', reason: 'age' };
    },
    now,
    clock: createClock(now),
    signal: AbortSignal.timeout(10_000),
  });
  expectNoLeak(diagnosis, ['canary']);
  return { ...diagnosis, written };
}

/** The message, then the warning in brackets, then its fault. */
const says = (step?: DiagnosisStep) => `${step?.message ?? ''} [${step?.warning ?? ''}] ${step?.fault ?? ''}`;

test('a healthy refresher: every step in order, and nothing is stored', async () => {
  const { problem, healthy, steps, written } = await run({ scope: 'read', stored: storing() });

  expect([problem, healthy]).toEqual([null, true]);
  expect(steps.map((one) => `${one.step}: ${says(one)}`)).toEqual([
    'config:  [] ',
    'secret: The secret was stored 0 days ago. [] ',
    'token-endpoint: The token endpoint returned a token that lives 3600 s. [] ',
    'scope: The server granted every requested scope. [] ',
    'probe: The provider accepted the token. The stored one is still accepted. [] ',
    'parameters: Version 7 is stored, 1800 s are left. [] ',
    "clock: The function's clock differs from AWS's by 0 s. [] ",
    'schedule: Nothing shows that an invocation is missing. [] ',
  ]);
  expect(steps[0]).toEqual({ step: 'config', ok: true, durationMs: 0 });
  expect(written).toEqual([]);
});

/** The steps in order; a skipped one is "-". */
test.each<[Partial<Found>, string]>([
  [{ environment: { REFRESH_INTERVAL_SECONDS: 'soon' } }, 'CONFIG_INVALID of stack, -, -, -, -, -, -, -'],
  [{ secretCreatedAt: fail('SECRET_MALFORMED') }, 'ok, SECRET_MALFORMED of secret, -, -, -, ok, ok, ok'],
  [{ mint: fail('TOKEN_REJECTED') }, 'ok, ok, TOKEN_REJECTED of secret, -, -, ok, ok, ok'],
  [{ mint: new TypeError('canary') }, 'ok, ok, undefined of refresher, -, -, ok, ok, ok'],
  [{ probes: { 'canary-new': 'refused' } }, 'ok, ok, ok, ok, TOKEN_UNUSABLE of token endpoint, ok, ok, ok'],
  [{ stored: fail('PARAMETER_UNAVAILABLE') }, 'ok, ok, ok, ok, ok, PARAMETER_UNAVAILABLE of SSM, -, ok'],
])('a failed step has its code and fault; those that need it are skipped: %j', async (found, verdicts) => {
  const { healthy, steps } = await run(found);

  const all = steps.map(({ ok, skipped, code, fault }) =>
    ok ? 'ok' : skipped ? '-' : `${code} of ${fault}`,
  );
  expect(all.join(', ')).toBe(verdicts);
  expect(healthy).toBe(false);
  const failed = steps.find(({ code }) => /SECRET|REJECTED|PARAMETER/.test(`${code}`));
  if (failed === undefined) return;
  expect(failed).toMatchObject({ message: 'It failed.', remedy: 'Do this.' });
  const needs = `Not tried: it needs ${failed.step}.`;
  for (const { skipped, message } of steps) if (skipped) expect(message).toBe(needs);
});

const living = (seconds: number): Partial<Found> => ({
  mint: { expiresAt: after(seconds) },
  environment: { LONGEST_JOB_SECONDS: '2700' },
});
const aged = (days: number) => ({ secretCreatedAt: after(-days * 86_400) });
const NOTHING: Stored = { tokenVersion: null, status: null };
const expired = { stored: storing({ expiresAt: awsTime }) };
const failing = (code: string, seconds = 0) => ({
  code,
  at: after(seconds),
  consecutive: 3,
  retryAt: after(seconds + 240),
});
const due = (minutes: number) => ({
  issuedAt: after(-3_000 - minutes * 60),
  expiresAt: after(600 - minutes * 60),
  refreshDueAt: after(-minutes * 60),
});
const eachBeat = { ...failing('X', -3_900), retryAt: after(-3_870), consecutive: 64 };
const failedSince = { stored: storing({}, failing('TOKEN_REJECTED')) };
const undescribed = { stored: { tokenVersion: 7, status: null } };
const fromOtherSource = { stored: storing({ source: 'fedcba9876543210' }) };
const refusesScope = { mint: { grantedScope: 'read canary' }, scope: 'read  admin' };
const isUnnamed = { mint: { grantedScope: undefined }, scope: 'read' };
const warned = { mint: { warnings: ['One.', 'Two.'] } };
const byOldSecret = { mint: { warnings: ['One.'], secretStage: 'AWSPREVIOUS' } as const };

test.each<[string, Partial<Found>, RegExp]>([
  ['secret', aged(89), /^The secret was stored 89 days ago\. \[\] $/],
  ['secret', aged(90), /90 days ago\. \[.* 90 days ago: replace it every 90 days\.\] secret$/],
  ['secret', { secretCreatedAt: undefined }, /^ \[\] $/],
  ['token-endpoint', warned, /lives 3600 s\. \[One\. Two\.\] token endpoint$/],
  ['token-endpoint', byOldSecret, /\[One\.\] secret$/],
  [
    'token-endpoint',
    living(2_999),
    /\[.* 45 minutes .*, or lower longestJob to 43 minutes\.\] token endpoint$/,
  ],
  ['token-endpoint', living(400), /\[.*, or remove longestJob\.\] token endpoint$/],
  ['scope', isUnnamed, /^The server names no scope: .* \[\] $/],
  ['scope', refusesScope, /^ \[The server did not grant: admin\. .*\] token endpoint$/],
  ['probe', { probes: {} }, /^There is no probe.* Set probeUrl to try tokens\. \[\] $/],
  ['probe', { probes: { 'canary-new': 'unanswered' } }, /^ \[.* the token is not proved.*\] token endpoint$/],
  // A wrong clock makes no live token look expired: it is compared first.
  ['probe', { stored: storing(), now: after(7_200) }, /The stored one is still accepted\. \[\] $/],
  // It must not be sent to the hosts of this source.
  ['probe', fromOtherSource, /^The provider accepted the token\. \[\] $/],
  ['probe', expired, /^The provider accepted the token\. \[\] $/],
  ['parameters', expired, /, 0 s are left\. \[The stored token has expired\.\] $/],
  ['parameters', { stored: NOTHING }, /^ \[No token is stored yet.*\] $/],
  [
    'parameters',
    { stored: storing(), refreshedTo: storing() },
    /1800 s are left\. This invocation replaced it first \(age\)\. \[\] $/,
  ],
  ['schedule', { stored: NOTHING }, /^What is stored does not tell/],
  ['schedule', { stored: storing(due(5)) }, /^Nothing shows/],
  ['schedule', { stored: storing(due(30), failing('TOKEN_REJECTED', -60)) }, /^Nothing shows/],
  // Such a failure is written when its count has doubled.
  ['schedule', { stored: storing(due(90), eachBeat) }, /^Nothing shows/],
  ['parameters', failedSince, /\[The last mint failed: TOKEN_REJECTED\.\] $/],
  ['parameters', undescribed, /^ \[The status does not describe the stored .*\] $/],
  ['clock', { now: after(-299.5) }, /differs from AWS's by -300 s\. \[.*clock is wrong.*\] clock$/],
  ['clock', { awsTime: undefined }, /^ \[.*no Date header.*\] clock$/],
])('the step %s, having found %j, says %s', async (name, found, pattern) => {
  const { healthy, steps, written } = await run(found);

  expect(says(steps.find(({ step }) => step === name))).toMatch(pattern);
  expect(healthy).toBe(true);
  expect(written).toEqual([]);
});

test('if the mint ended the stored token, the new one is stored, with a warning', async () => {
  const probes = { 'canary-new': 'accepted', 'canary-old': 'refused' } as const;

  const { steps, written } = await run({ stored: storing(), probes });

  expect(steps[4]).toMatchObject({
    ok: true,
    warning: expect.stringContaining('The new token was stored instead'),
    fault: 'token endpoint',
  });
  expect(written).toEqual(['forced']);
});

const deleted = (lastFailure: object | null) => ({ ...storing({}, lastFailure), tokenVersion: null });
const OFF = 'stack: Nobody invoked the function: a refresh was due at ';
const ENABLE = 'not even a failure; Enable the schedule in EventBridge Scheduler ';
/** What failed before what warns; a cause before what follows from it. */
test.each<[string, Partial<Found>, string]>([
  ['a wrong secret', { mint: fail('TOKEN_REJECTED') }, 'TOKEN_REJECTED (secret): It failed; Do this.'],
  ['a wrong clock', { now: after(300) }, "clock: The function's clock is wrong; The function"],
  ['an old secret', { ...aged(91) }, 'secret: The client secret was stored 91 days ago: re'],
  [
    'a denied key',
    { stored: storing({}, failing('PARAMETER_NOT_WRITTEN')) },
    'SSM: The last token could not be st',
  ],
  ['no token yet', { refreshedTo: storing() }, 'No token was stored; There was none; This invocation has st'],
  ['a deleted token', { stored: deleted(null), refreshedTo: storing() }, 'Somebody had deleted it; This'],
  [
    'the schedule is off',
    { stored: storing(due(6)), refreshedTo: storing() },
    `${OFF}2026-11-20T13:54:00.000Z`,
  ],
  ['and the token has expired', { stored: storing(due(90)) }, ENABLE],
  // An old failure is not the reason.
  ['and an old failure', { stored: storing(due(30), failing('TOKEN_REJECTED', -1_200)) }, OFF],
  ['a deleted token, an old failure', { stored: deleted(failing('TOKEN_REJECTED', -7_200)) }, OFF],
])('the first field says the problem and what to do, in one sentence: %s', async (_, found, expected) => {
  const diagnosis = await run(found);

  expect(Object.keys(diagnosis)[0]).toBe('problem');
  expect(diagnosis.problem).toContain(expected);
  expect(diagnosis.problem).not.toMatch(/\. [A-Z]/);
  expect(diagnosis.healthy).toBe(!/^(stack|[A-Z_]+ \()/.test(diagnosis.problem ?? ''));
});
