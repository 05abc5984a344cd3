import { isRefreshError } from '../../../../lambda/errors.ts';
import type { Observations, RefreshResult } from '../../../../lambda/refresh/refresh.ts';
import { fingerprintOf } from '../../../../lambda/refresh/store.ts';
import {
  CANARY,
  type CallName,
  isLive,
  statusPrecedesToken,
  tokenOf,
  type VirtualAccount,
} from '../../../../local/simulation/virtual-account.ts';
import { CONFIGURED, type RefreshRequest, type Scenario } from './scenarios.ts';
import { Violation } from './schedule.ts';

/** One invocation, as it goes on. */
export interface Invocation {
  readonly index: number;
  readonly request: RefreshRequest;
  /** The calls that it made, with what each came to. Undefined once its instance has died. */
  history: string | undefined;
  outcome: { readonly result: RefreshResult } | { readonly error: unknown } | undefined;
  observations: Observations;
}

/** What the checks remember. */
export interface Remembered {
  readonly known: (Known | undefined)[];
  problem: string | undefined;
  sawLive: boolean;
  changes: number;
  /** At which change status and token began to agree; undefined while they do not. */
  agreedAt: number | undefined;
  agreedVersion: number | undefined;
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

/** What must hold in every order of events. Problems are found at any time, and thrown by `throwFound`. */
export function createChecks(options: {
  readonly scenario: Scenario;
  readonly account: VirtualAccount;
  readonly invocations: readonly Invocation[];
  /** @default nothing but the account has been seen */
  readonly remembered?: Remembered | undefined;
}) {
  const { scenario, account, invocations } = options;
  const seen = copyRemembered(options.remembered ?? rememberStart(account));

  const found = (text: string): void => {
    seen.problem ??= text;
  };
  const of = (invocation: Invocation): Known => {
    seen.known[invocation.index] ??= { wroteVersion: 0, answeredAt: 0, hasAsked: false };
    return seen.known[invocation.index] as Known;
  };

  function checkReader(): void {
    if (scenario.server === 'one live token') return;
    const live = isLive(account, storedValue(account));
    if (seen.sawLive && !live) found('A reader saw no live token after there had been one.');
    seen.sawLive ||= live;
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
      seen.agreedAt !== undefined &&
      seen.agreedAt <= answeredAt &&
      seen.agreedVersion === (account.versions.length || undefined)
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

  function throwFound(): void {
    if (seen.problem !== undefined) throw new Violation(seen.problem);
  }

  return {
    beforeCall(invocation: Invocation, name: CallName) {
      if (name !== 'read-secret') return;
      of(invocation).hasAsked = true;
      const before = scenario.instances === 'one' ? invocations[invocation.index - 1] : undefined;
      const hasFailed = before?.outcome !== undefined && 'error' in before.outcome && of(before).hasAsked;
      if (hasFailed && BOUND.has(invocation.request.kind) && invocation.index < scenario.requests.length) {
        found('A mint followed a failed one at once, without its backoff.');
      }
    },
    /** After a call has taken effect, whether or not its caller hears of it. */
    afterEffect(invocation: Invocation, name: CallName) {
      if (name === 'write-token') {
        seen.changes++;
        of(invocation).wroteVersion = account.versions.length;
        checkReader();
      }
      if (name === 'write-status') {
        seen.changes++;
        checkStatusWrite(invocation);
      }
      if (!describesStored(account)) seen.agreedAt = undefined;
      else if (seen.agreedAt === undefined || seen.agreedVersion !== (account.versions.length || undefined)) {
        seen.agreedAt = seen.changes;
        seen.agreedVersion = account.versions.length || undefined;
      }
    },
    afterAnswer(invocation: Invocation) {
      of(invocation).answeredAt = seen.changes;
    },
    afterInvocation({ outcome, observations }: Invocation) {
      const told = outcome && ('result' in outcome ? outcome.result : String(outcome.error));
      if (JSON.stringify([told, observations]).includes(CANARY)) found('A token was told.');
      if (outcome && 'error' in outcome && !isRefreshError(outcome.error)) {
        found(`An invocation ended without a code: ${outcome.error}`);
      }
    },
    afterTime: checkReader,
    atEnd() {
      if (describesStored(account)) checkNewest();
      throwFound();
    },
    /** `asked`: the tokens that the beats that followed were given. */
    afterBeats(asked: number) {
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
      throwFound();
    },
    throwFound,
    state: () => [seen.sawLive, seen.problem],
    /** The part of the state's name that belongs to one invocation. */
    knownOf(index: number) {
      const { wroteVersion, answeredAt, hasAsked } = seen.known[index] ?? {};
      const couldKnow =
        seen.agreedAt === undefined || answeredAt === undefined ? null : seen.agreedAt <= answeredAt;
      return [wroteVersion, hasAsked, couldKnow];
    },
    /** Copies all that the checks remember, for other executions that go on from here. */
    save: () => copyRemembered(seen),
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

function copyRemembered(remembered: Remembered): Remembered {
  return { ...remembered, known: remembered.known.map((one) => one && { ...one }) };
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
