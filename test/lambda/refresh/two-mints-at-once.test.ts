import type { Parameters } from '../../../lambda/refresh/parameters.ts';
import type { TokenDescription } from '../../../lambda/refresh/status.ts';
import { fingerprintOf } from '../../../lambda/refresh/store.ts';
import { claimVersion } from '../../../lambda/refresh/two-mints-at-once.ts';

const { signal } = new AbortController();

function describe(accessToken: string, version: number, minute: number): TokenDescription {
  const at = (minutes: number) => new Date(Date.parse('2026-11-20T14:00:00Z') + minutes * 60_000);
  return {
    version,
    fingerprint: fingerprintOf(accessToken),
    issuedAt: at(minute),
    expiresAt: at(minute + 60),
    refreshDueAt: at(minute + 50),
    provider: 'oauth2',
  };
}

/** A Parameter Store with these versions of the token, and a status. It writes down what is called. */
function storeWith(versions: readonly (string | null)[], described: TokenDescription | null) {
  const calls: string[] = [];
  const tokens = [...versions];
  const parameters: Parameters = {
    async read() {
      calls.push('read');
      const status = described && { token: described, provider: 'oauth2', lastFailure: null };
      return { tokenVersion: tokens.length, status, awsTime: undefined };
    },
    async readToken({ version }) {
      calls.push(`read ${version}`);
      return tokens[version - 1] ?? null;
    },
    async writeToken({ accessToken }) {
      calls.push(`write ${accessToken}`);
      return tokens.push(accessToken);
    },
    async writeStatus() {
      calls.push('write the status');
    },
  };
  return { parameters, calls, tokens };
}

/** An invocation that read version 1, and wrote `own` since then, as the version that is given. */
const claim = (parameters: Parameters, token: TokenDescription) =>
  claimVersion({
    token,
    stored: { tokenVersion: 1, status: null },
    parameters,
    fingerprintOf,
    signal,
  });

const own = (version: number) => describe('own', version, 10);

test('a write that follows what was read is the invocation’s own, without another call', async () => {
  const { parameters, calls } = storeWith(['first', 'own'], null);

  expect(await claim(parameters, own(2))).toEqual(own(2));
  expect(calls).toEqual([]);
});

test('a parameter that was deleted meanwhile begins with version 1 again', async () => {
  const { parameters, calls } = storeWith(['own'], null);

  expect(await claim(parameters, own(1))).toEqual(own(1));
  expect(calls).toEqual([]);
});

test('another token that was issued later is put back, with its own description', async () => {
  const other = describe('other', 2, 11);
  const { parameters, tokens } = storeWith(['first', 'other', 'own'], other);

  expect(await claim(parameters, own(3))).toEqual({ ...other, version: 4 });
  expect(tokens.at(-1)).toBe('other');
});

test('another token that was issued earlier, or at the same time, stays replaced', async () => {
  for (const minute of [9, 10]) {
    const { parameters, tokens } = storeWith(['first', 'other', 'own'], describe('other', 2, minute));

    expect(await claim(parameters, own(3))).toEqual(own(3));
    expect(tokens).toHaveLength(3);
  }
});

test('the own token, written twice because the first answer was lost, is the own one', async () => {
  const { parameters } = storeWith(['first', 'own', 'own'], null);

  expect(await claim(parameters, own(3))).toEqual(own(3));
});

test('up to five versions in between are compared', async () => {
  const { parameters } = storeWith(['first', 'own', 'own', 'own', 'own', 'own', 'own'], null);

  expect(await claim(parameters, own(7))).toEqual(own(7));
});

test.each<[string, (string | null)[], TokenDescription | null, number]>([
  ['a third invocation wrote since', ['first', 'other', 'own', 'third'], describe('other', 2, 9), 3],
  [
    'a later token is described, and a third one stored since',
    ['first', 'other', 'own', 'third'],
    describe('other', 2, 11),
    3,
  ],
  ['no status describes the other token', ['first', 'other', 'own'], null, 3],
  ['the status describes another version', ['first', 'other', 'own'], describe('other', 1, 11), 3],
  ['the status describes another token', ['first', 'other', 'own'], describe('pasted', 2, 11), 3],
  ['the version in between is gone', ['first', null, 'own'], null, 3],
  ['more than five versions lie in between', ['first', ...Array(6).fill('own'), 'own'], null, 8],
])('nobody can tell, and nothing is written: %s', async (_case, versions, described, version) => {
  const { parameters, calls } = storeWith(versions, described);

  expect(await claim(parameters, own(version))).toBeNull();
  expect(calls.filter((call) => call.startsWith('write'))).toEqual([]);
});

test('nobody can tell if another invocation writes while the later token is put back', async () => {
  const { parameters, tokens } = storeWith(['first', 'other', 'own'], describe('other', 2, 11));
  const { writeToken } = parameters;
  const meanwhile: Parameters = {
    ...parameters,
    writeToken(options) {
      tokens.push('third');
      return writeToken(options);
    },
  };

  expect(await claim(meanwhile, own(3))).toBeNull();
});
