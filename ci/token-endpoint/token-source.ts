import type { ReadToken, StoredToken } from './read-token.ts';

/** The best token that the job can have, held in memory and read again when it has to be. */
export interface TokenSource {
  /** The token held now, dead or alive. */
  readonly held: StoredToken;
  /** The exit status of the last reading; 0 and 3 gave a token. */
  readonly lastStatus: number;
  /** The token for a call that is forwarded: waits for a reading only where the held token is of no use. */
  current(): Promise<StoredToken | undefined>;
  /** The stored token for a token request, read again unless that was just done. Undefined: none is alive. */
  newest(): Promise<StoredToken | undefined>;
  /** Reports that a server refused this token; the next reading asks for another one. */
  refuse(token: StoredToken): void;
}

/** The pause between two readings, and the longest one while readings give no token. */
const PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 60_000;
/** A call with less life than this waits for a newer token: it has to reach the server alive. */
const CALL_MS = 30_000;
/** A refusal is believed this often: a server may also answer 401 to a call for reasons of its own. */
const REFUSAL_INTERVAL_MS = 60_000;

/** Makes the source. One reading runs at a time, whoever asks. */
export function createTokenSource(options: {
  readonly first: StoredToken;
  readonly read: ReadToken;
  readonly minTtlMs: number;
  readonly now: () => number;
  /** Told of a reading that failed other than by its exit status. */
  readonly onError: (error: unknown) => void;
}): TokenSource {
  const { read, minTtlMs, now, onError } = options;
  let held = options.first;
  let lastStatus = 0;
  let readAtMs = now();
  let failures = 0;
  let refusedVersion: number | undefined;
  let refusedAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  const leftMs = (): number => held.expiresAtMs - now();
  const isRefused = (): boolean => refusedVersion === held.version;
  const live = (): StoredToken | undefined => (leftMs() > 0 ? held : undefined);
  // A token that died since it was read is read again at once; after readings without a token, ever later.
  const pauseMs = (): number => {
    if (failures > 0) return Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** (failures - 1));
    return leftMs() > 0 ? PAUSE_MS : 0;
  };
  const isTooSoon = (): boolean => now() - readAtMs < pauseMs();
  const readOnce = async (): Promise<void> => {
    try {
      const { status, token } = await read(isRefused() ? { notVersion: held.version } : {});
      lastStatus = status;
      failures = token === undefined ? failures + 1 : 0;
      if (token !== undefined) held = token;
    } catch (error) {
      failures += 1;
      onError(error);
    }
    // Asked once: if this gave the same token again, the refusal had other reasons.
    refusedVersion = undefined;
    readAtMs = now();
  };
  const readAgain = (): Promise<void> => {
    reading ??= readOnce().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  return {
    get held() {
      return held;
    },
    get lastStatus() {
      return lastStatus;
    },
    async current() {
      if (leftMs() >= minTtlMs && !isRefused()) return held;
      if (reading === undefined && isTooSoon() && !isRefused()) return live();
      const newer = readAgain();
      if (isRefused() || leftMs() < CALL_MS) await newer;
      return live();
    },
    async newest() {
      if (reading !== undefined || isRefused() || !isTooSoon()) await readAgain();
      return live();
    },
    refuse(token) {
      if (token.version !== held.version || now() - refusedAtMs < REFUSAL_INTERVAL_MS) return;
      refusedVersion = token.version;
      refusedAtMs = now();
    },
  };
}
