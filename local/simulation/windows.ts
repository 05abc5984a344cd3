/** A fault's span of virtual time, in milliseconds since the start of the world. */
export interface Window<T = true> {
  readonly from: number;
  readonly to: number;
  readonly value: T;
}

/** The value of the window that covers a time, or undefined. */
export type Windows<T = true> = (time: number) => T | undefined;

/** Sorts windows and joins those that overlap; the first one's value stays. */
export function createWindows<T>(found: readonly Window<T>[]): Windows<T> {
  const all: Window<T>[] = [];
  for (const window of found.toSorted((one, other) => one.from - other.from)) {
    const last = all.at(-1);
    if (last === undefined || window.from > last.to) all.push(window);
    else all[all.length - 1] = { ...last, to: Math.max(last.to, window.to) };
  }
  // Times come nearly in order: the next window is almost always near the last one.
  let place = 0;
  return (time) => {
    while (place > 0 && (all[place - 1]?.to ?? 0) > time) place--;
    while (place < all.length && (all[place]?.to ?? 0) <= time) place++;
    const window = all[place];
    return window !== undefined && window.from <= time ? window.value : undefined;
  };
}
