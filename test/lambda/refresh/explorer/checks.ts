import { isRefreshError } from '../../../../lambda/errors.ts';
import { fingerprintOf } from '../../../../lambda/refresh/store.ts';
import {
  CANARY,
  isLive,
  statusPrecedesToken,
  tokenOf,
  type VirtualAccount,
} from '../../../../local/simulation/virtual-account.ts';
import type { Invocation, Scenario } from './scenario.ts';
import { CONFIGURED } from './scenarios.ts';
import { Violation } from './schedule.ts';
/** What must hold in every order of events. */
export interface Checks {
  readonly beforeCall: (invocation: Invocation, name: string) => void;
  /** After a call has taken effect, whether or not its caller hears of it. */
  readonly afterEffect: (invocation: Invocation, name: string) => void;
  readonly afterAnswer: (invocation: Invocation) => void;
  readonly afterInvocation: (invocation: Invocation) => void;
  readonly afterTime: () => void;
  /** After all invocations. */
  readonly atEnd: () => void;
  /** @param asked tokens that the beats that followed were given */
  readonly afterBeats: (asked: number) => void;
  /** @throws Violation with what was found since the last time */
  readonly throwFound: () => void;
  /** What the checks remember, as a part of the state's name. */
  readonly state: () => unknown;
  /** The same of one invocation. */
  readonly knownOf: (index: number) => unknown;
  /** Copies all that the checks remember, for other executions that go on from here. */
  readonly save: () => Remembered;
}

/** What the checks remember. */
export interface Remembered {
  readonly known: readonly (Known | undefined)[];
  readonly problem: string | undefined;
  readonly sawLive: boolean;
  readonly changes: number;
  /** At which change status and token began to agree; undefined while they do not. */
  readonly agreedAt: number | undefined;
  readonly agreedVersion: number | undefined;
}

/** What the checks know of one invocation. */
interface Known {
  /** The version that it wrote itself. */
  wroteVersion: number;
  /** How often the account had changed when its last call was answered. */
  answeredAt: number;
  hasAsked: boolean;
}

/** A request that must not mint while a backoff runs. */
const BOUND: ReadonlySet<string> = new Set(['beat', 'min-remaining']);

export function createChecks(options: {
  readonly scenario: Scenario;
  readonly account: VirtualAccount;
  readonly invocations: readonly Invocation[];
  /** @default nothing but the account has been seen */
  readonly remembered?: Remembered | undefined;
}): Checks {
  const { scenario, account, invocations, remembered = rememberStart(account) } = options;
  const known = remembered.known.map((one) => one && { ...one });
  let { problem, sawLive, changes, agreedAt, agreedVersion } = remembered;

  const found = (text: string): void => {
    problem ??= text;
  };
  const of = (invocation: Invocation): Known => {
    known[invocation.index] ??= { wroteVersion: 0, answeredAt: 0, hasAsked: false };
    return known[invocation.index] as Known;
  };

  function checkReader(): void {
    if (scenario.server === 'one live token') return;
    const live = isLive(account, storedValue(account));
    if (sawLive && !live) found('A reader saw no live token after there had been one.');
    sawLive ||= live;
  }

  function checkStatusWrite(invocation: Invocation): void {
    const text = account.status?.text ?? '';
    if (text.includes(CANARY)) found('A token is in the status.');
    const status = account.status?.status ?? null;
    if (status === null) {
      found('The status that was written cannot be read.');
      return;
    }
    const described = status.token;
    const { wroteVersion, answeredAt } = of(invocation);
    if ((described?.version ?? wroteVersion) < wroteVersion) {
      found('The status describes an older token than the one that its writer has just stored.');
    }
    const agrees = describesStored(account);
    if (
      !agrees &&
      agreedAt !== undefined &&
      agreedAt <= answeredAt &&
      agreedVersion === (account.versions.length || undefined)
    ) {
      found(
        'An old description was written over that of the stored token, which its writer could have read.',
      );
    }
    const token = tokenOf(account, storedValue(account));
    if (
      agrees &&
      token !== undefined &&
      described !== null &&
      described.expiresAt.getTime() > token.expiresMs
    ) {
      found('The status promises more life than the token has.');
    }
  }

  return {
    beforeCall(invocation, name) {
      if (name !== 'read-secret') return;
      of(invocation).hasAsked = true;
      const before = scenario.instances === 'one' ? invocations[invocation.index - 1] : undefined;
      const hasFailed = before?.outcome !== undefined && 'error' in before.outcome && of(before).hasAsked;
      if (hasFailed && BOUND.has(invocation.request.kind) && invocation.index < scenario.requests.length) {
        found('A mint followed a failed one at once, without its backoff.');
      }
    },
    afterEffect(invocation, name) {
      if (name === 'write-token') {
        changes++;
        of(invocation).wroteVersion = account.versions.length;
        checkReader();
      }
      if (name === 'write-status') {
        changes++;
        checkStatusWrite(invocation);
      }
      if (!describesStored(account)) agreedAt = undefined;
      else if (agreedAt === undefined || agreedVersion !== (account.versions.length || undefined)) {
        agreedAt = changes;
        agreedVersion = account.versions.length || undefined;
      }
    },
    afterAnswer(invocation) {
      of(invocation).answeredAt = changes;
    },
    afterInvocation({ outcome, observations }) {
      const told = outcome && ('result' in outcome ? outcome.result : String(outcome.error));
      if (JSON.stringify([told, observations]).includes(CANARY)) found('A token was told.');
      if (outcome && 'error' in outcome && !isRefreshError(outcome.error)) {
        found(`An invocation ended without a code: ${outcome.error}`);
      }
    },
    afterTime: checkReader,
    atEnd() {
      if (describesStored(account)) checkNewest();
      this.throwFound();
    },
    afterBeats(asked) {
      if (asked > 2) found('Two beats minted more than twice.');
      const status = account.status?.status ?? null;
      if (!describesStored(account)) found('After two beats the status does not describe the stored token.');
      if (!isLive(account, storedValue(account))) found('After two beats the stored token is not live.');
      const failedAt = status?.lastFailure?.at;
      if (failedAt !== undefined && status?.token && status.token.issuedAt > failedAt) {
        found('After two beats the status tells a failure that is over.');
      }
      if (account.versions.at(-1)?.key !== CONFIGURED.encryptionKey)
        found('After two beats the key is another one.');
      if (status?.token?.source !== CONFIGURED.source) found('After two beats the source is another one.');
      checkNewest();
      const last = invocations.at(-1)?.outcome;
      if (last !== undefined && 'error' in last) {
        found(`The second beat failed: ${isRefreshError(last.error) ? last.error.code : last.error}`);
      }
      this.throwFound();
    },
    throwFound() {
      if (problem !== undefined) throw new Violation(problem);
    },
    state: () => [sawLive, problem],
    knownOf(index) {
      const { wroteVersion, answeredAt, hasAsked } = known[index] ?? {};
      const couldKnow = agreedAt === undefined || answeredAt === undefined ? null : agreedAt <= answeredAt;
      return [wroteVersion, hasAsked, couldKnow];
    },
    save: () => ({
      known: known.map((one) => one && { ...one }),
      problem,
      sawLive,
      changes,
      agreedAt,
      agreedVersion,
    }),
  };

  /** Of all tokens that were ever stored the one that was issued last must be the one that is stored. */
  function checkNewest(): void {
    const places = account.versions.map(({ value }) =>
      account.issued.findIndex((one) => one.value === value),
    );
    if ((places.at(-1) ?? 0) < Math.max(...places)) {
      found('A token that was issued earlier took the place of a later one, and stays.');
    }
  }
}

function rememberStart(account: VirtualAccount): Remembered {
  return {
    known: [],
    problem: undefined,
    sawLive: isLive(account, storedValue(account)),
    changes: 0,
    agreedAt: describesStored(account) ? 0 : undefined,
    agreedVersion: account.versions.length || undefined,
  };
}

function storedValue({ versions }: VirtualAccount): string | undefined {
  return versions.at(-1)?.value;
}

/**
 * Whether the status describes the stored token. A status that was written before the token does not, though it may
 * have the same version: the parameter was deleted and written again.
 */
function describesStored(account: VirtualAccount): boolean {
  const value = storedValue(account);
  const described = account.status?.status?.token ?? null;
  return (
    value !== undefined &&
    !statusPrecedesToken(account) &&
    described?.version === account.versions.length &&
    described.fingerprint === fingerprintOf(value)
  );
}
