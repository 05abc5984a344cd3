import type { Config } from '../config.ts';
import { RefreshError } from '../errors.ts';
import type { MintedToken, Minter, ProbeResult } from '../mint/minter.ts';
import type { Clock } from '../refresh/clock.ts';
import type { Parameters, Reading } from '../refresh/parameters.ts';
import { describedToken } from '../refresh/planner.ts';
import type { Finding } from './step.ts';

interface UseTokensOptions {
  readonly config: Config;
  readonly parameters: Parameters;
  readonly minter: Minter;
  /** Undefined if the parameters could not be read. */
  readonly reading: Reading | undefined;
  /** Stores the new token. @throws RefreshError */
  readonly store: () => Promise<unknown>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Uses the new token once, and then the stored one: some servers keep only one live token per client. If the provider
 * then refuses the stored token, the new one is stored in its place.
 *
 * @throws RefreshError `TOKEN_UNUSABLE`, and the codes of `store`
 */
export async function useTokens(options: UseTokensOptions, token: MintedToken): Promise<Finding> {
  const { minter, signal } = options;
  if (minter.probe === undefined) {
    return {
      message:
        'There is no probe, so the new token was not tried. It is not known whether this mint ended the stored token. Set probeUrl to try tokens.',
    };
  }
  const result = await minter.probe(token.accessToken, { signal });
  if (result === 'refused') {
    throw new RefreshError(
      'TOKEN_UNUSABLE',
      "The provider refused the token that its token endpoint had just returned. Check the region or probeUrl, and the client's state and IP allow-list.",
    );
  }
  if (result === 'unanswered') {
    return {
      warning: 'The probe was not answered, so the token is not proved: check probeUrl and the API’s status.',
      fault: 'token endpoint',
    };
  }
  const accepted = 'The provider accepted the token.';
  const storedIs = await useStoredToken(options);
  if (storedIs !== 'refused') {
    return { message: storedIs === 'accepted' ? `${accepted} The stored one is still accepted.` : accepted };
  }
  await options.store();
  return {
    message: accepted,
    warning:
      'After this mint the provider refused the stored token. The new token was stored instead. Either the stored token had been revoked, or this mint ended it. If the next diagnosis shows this again, the server keeps only one live token per client: jobs lose their token at each mint, and longestJob is not guaranteed.',
    fault: 'token endpoint',
  };
}

/** Undefined if it cannot be tried: no live token is stored, or it comes from another source and must not be sent. */
async function useStoredToken(options: UseTokensOptions): Promise<ProbeResult | undefined> {
  const { config, parameters, minter, reading, clock, signal } = options;
  const stored = reading === undefined ? null : describedToken(reading);
  const isOurs = stored !== null && stored.source === config.source && stored.expiresAt > clock.now();
  if (!isOurs || minter.probe === undefined) return undefined;
  const accessToken = await parameters.readToken({ version: stored.version, signal });
  return accessToken === null ? undefined : await minter.probe(accessToken, { signal });
}
