import type { ReadToken, StoredToken } from './access-token.ts';

/** The newest token that the job can read, held in memory and read again when necessary. */
export type TokenSource = ReturnType<typeof createTokenSource>;

/** The pause between two reads, also while they give no token. */
const PAUSE_MS = 10_000;
/** With less life than this a call waits for a newer token: the token must be live when it reaches the server. */
const CALL_MS = 30_000;
/** A refusal replaces the token at most this often: a server may answer 401 for other reasons. */
const REFUSAL_INTERVAL_MS = 60_000;

/** Makes the source. Only one read runs at a time. */
export function createTokenSource(options: {
  readonly first: StoredToken;
  readonly read: ReadToken;
  readonly minTtlMs: number;
  readonly now: () => number;
  /** Called if a read failed in another way than by its exit status. */
  readonly onError: (error: unknown) => void;
}) {
  const { read, minTtlMs, now, onError } = options;
  let held = options.first;
  let readAtMs = now();
  let refusedVersion: number | undefined;
  let refusedAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  const leftMs = (): number => held.expiresAtMs - now();
  const isRefused = (): boolean => refusedVersion === held.version;
  const live = (): StoredToken | undefined => (leftMs() > 0 ? held : undefined);
  const isTooSoon = (): boolean => now() - readAtMs < PAUSE_MS;
  const readOnce = async (): Promise<void> => {
    try {
      held = (await read(isRefused() ? { notVersion: held.version } : {})) ?? held;
    } catch (error) {
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
    /** The token that is held, live or expired. */
    get held(): StoredToken {
      return held;
    },
    /** The token for a forwarded call. Waits for a read only if the held token is of no use. */
    async current(): Promise<StoredToken | undefined> {
      if (leftMs() >= minTtlMs && !isRefused()) return held;
      if (reading === undefined && isTooSoon() && !isRefused()) return live();
      const newer = readAgain();
      if (isRefused() || leftMs() < CALL_MS) await newer;
      return live();
    },
    /** The stored token for a token request, read again unless it was just read. Undefined: none is live. */
    async newest(): Promise<StoredToken | undefined> {
      if (reading !== undefined || isRefused() || !isTooSoon()) await readAgain();
      return live();
    },
    /** Reports that a server refused this token; the next read requests another one. */
    refuse(token: StoredToken): void {
      if (token.version !== held.version || now() - refusedAtMs < REFUSAL_INTERVAL_MS) return;
      refusedVersion = token.version;
      refusedAtMs = now();
    },
  };
}
