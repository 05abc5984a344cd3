import { isRefreshError } from '../../../../lambda/errors.ts';
import type { Observations } from '../../../../lambda/refresh/invocation.ts';
import type { RefreshResult } from '../../../../lambda/refresh/refresh.ts';
import { fingerprintOf } from '../../../../lambda/refresh/store.ts';
import {
  CANARY,
  type CallName,
  isLive,
  statusContradictsToken,
  tokenOf,
  type VirtualAccount,
} from '../../../../local/simulation/virtual-account.ts';
import { CONFIGURED, type RefreshRequest, type Scenario } from './scenarios.ts';

/** One invocation, as it goes on. */
export interface Invocation {
  readonly index: number;
  readonly request: RefreshRequest;
  readonly observations: Observations;
  outcome: { readonly result: RefreshResult } | { readonly error: unknown } | undefined;
  /** The version that it wrote itself. */
  wroteVersion: number;
  /** How often the account had changed when its last call was answered; NaN before the first answer. */
  answeredAt: number;
  hasAsked: boolean;
}

/** A request that must not mint while a backoff runs. */
const BOUND: ReadonlySet<string> = new Set(['beat', 'min-remaining']);

/** The rules that hold in every order of events. `problem` tells the first one that did not. */
export function createChecks(
  scenario: Scenario,
  account: VirtualAccount,
  invocations: readonly Invocation[],
) {
  let problem: string | undefined;
  let sawLive = isLive(account, storedValue(account));
  let changes = 0;
  /** At which change status and token began to agree; undefined while they do not. */
  let agreedAt = describesStored(account) ? 0 : undefined;

  const found = (text: string): void => {
    problem ??= text;
  };

  function checkReader(): void {
    if (scenario.server === 'one live token') return;
    const live = isLive(account, storedValue(account));
    if (sawLive && !live) found('A reader saw no live token after there had been one.');
    sawLive ||= live;
  }

  const couldKnow = ({ answeredAt }: Invocation): boolean => agreedAt !== undefined && agreedAt <= answeredAt;

  function checkStatusWrite(invocation: Invocation): void {
    const { text = '', status } = account.status ?? {};
    if (text.includes(CANARY)) found('A token is in the status.');
    if (!status) {
      found('The status that was written cannot be read.');
      return;
    }
    const described = status.token;
    if (described !== null && described.version < invocation.wroteVersion) {
      found('The status describes an older token than the one that its writer has just stored.');
    }
    const agrees = describesStored(account);
    if (!agrees && couldKnow(invocation)) {
      found(
        'An old description was written over that of the stored token, which its writer could have read.',
      );
    }
    const token = tokenOf(account, storedValue(account));
    if (agrees && token !== undefined && Number(described?.expiresAt) > token.expiresMs) {
      found('The status promises more life than the token has.');
    }
  }

  /** Of all tokens that were ever stored the one that was issued last must be the one that is stored. */
  function checkNewest(): void {
    const places = account.versions.map(({ value }) =>
      account.issued.findIndex((one) => one.value === value),
    );
    if ((places.at(-1) ?? 0) < Math.max(...places)) {
      found('A token that was issued earlier took the place of a later one, and stays.');
    }
  }

  return {
    problem: () => problem,
    /** The part of a state's name that belongs to the checks, and the part that belongs to one invocation. */
    state: () => [sawLive, problem],
    stateOf: (invocation: Invocation) => [
      invocation.wroteVersion,
      invocation.hasAsked,
      couldKnow(invocation),
    ],

    beforeCall(invocation: Invocation, name: CallName): void {
      if (name !== 'read-secret') return;
      invocation.hasAsked = true;
      const before = scenario.onOneInstance ? invocations[invocation.index - 1] : undefined;
      const hasFailed = before?.outcome !== undefined && 'error' in before.outcome && before.hasAsked;
      if (hasFailed && BOUND.has(invocation.request.kind) && invocation.index < scenario.requests.length) {
        found('A mint followed a failed one at once, without its backoff.');
      }
    },
    /** After a call has taken effect, whether or not its caller hears of it. */
    afterEffect(invocation: Invocation, name: CallName): void {
      if (name !== 'write-token' && name !== 'write-status') return;
      changes++;
      if (name === 'write-token') {
        invocation.wroteVersion = account.versions.length;
        checkReader();
      } else checkStatusWrite(invocation);
      if (!describesStored(account)) agreedAt = undefined;
      else agreedAt ??= changes;
    },
    afterAnswer(invocation: Invocation): void {
      invocation.answeredAt = changes;
    },
    afterInvocation({ outcome, observations }: Invocation): void {
      const told = outcome && ('result' in outcome ? outcome.result : String(outcome.error));
      if (JSON.stringify([told, observations]).includes(CANARY)) found('A token was told.');
      if (outcome && 'error' in outcome && !isRefreshError(outcome.error)) {
        found(`An invocation ended without a code: ${outcome.error}`);
      }
    },
    afterTime: checkReader,
    /** When all invocations have ended. */
    atEnd(): void {
      if (describesStored(account)) checkNewest();
    },
    /** After the two beats that follow. `minted`: how many tokens they were given. */
    afterBeats(minted: number): void {
      if (minted > 2) found('Two beats minted more than twice.');
      const { token, lastFailure } = account.status?.status ?? {};
      if (!describesStored(account)) found('After two beats the status does not describe the stored token.');
      if (!isLive(account, storedValue(account))) found('After two beats the stored token is not live.');
      if (token && lastFailure && token.issuedAt > lastFailure.at) {
        found('After two beats the status tells a failure that is over.');
      }
      if (account.versions.at(-1)?.key !== CONFIGURED.encryptionKey) {
        found('After two beats the key is another one.');
      }
      if (token?.source !== CONFIGURED.source) found('After two beats the source is another one.');
      checkNewest();
      const last = invocations.at(-1)?.outcome;
      if (last !== undefined && 'error' in last) found(`The second beat failed: ${last.error}`);
    },
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
    !statusContradictsToken(account) &&
    described?.version === account.versions.length &&
    described.fingerprint === fingerprintOf(value)
  );
}
