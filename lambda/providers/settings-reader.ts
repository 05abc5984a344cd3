/** Reads the settings of one object, and reports each problem with its value and limit. */
export interface SettingsReader {
  /** Reports a problem of one setting. */
  problem(key: string, message: string): void;
  /** Tells whether the setting is there. */
  has(key: string): boolean;
  /** Any value, unchecked. */
  raw(key: string): unknown;
  /** A string that `test` accepts; `rule` says what it must be. Undefined where absent or wrong. */
  text(key: string, rule: string, test: TextTest): string | undefined;
  /** A required string. */
  requiredText(key: string, rule: string, test: TextTest): string | undefined;
  /** One of the listed strings. */
  oneOf<T extends string>(key: string, choices: readonly T[]): T | undefined;
  flag(key: string): boolean | undefined;
  /** The keys that have been read so far. */
  asked(): readonly string[];
}

export type TextTest = RegExp | ((value: string) => boolean);

/** Opens an object for reading; `report` gets each problem. */
export function createSettingsReader(
  record: Readonly<Record<string, unknown>>,
  report: (key: string, message: string) => void,
): SettingsReader {
  const asked = new Set<string>();
  const reader: SettingsReader = {
    problem: report,
    asked: () => [...asked],
    raw(key) {
      asked.add(key);
      return Object.hasOwn(record, key) ? record[key] : undefined;
    },
    has: (key) => reader.raw(key) !== undefined,
    text(key, rule, test) {
      const value = reader.raw(key);
      if (value === undefined) return undefined;
      if (typeof value === 'string' && (test instanceof RegExp ? test.test(value) : test(value)))
        return value;
      report(key, `${show(value)} is not ${rule}`);
      return undefined;
    },
    requiredText(key, rule, test) {
      if (!reader.has(key)) report(key, `is missing; set it to ${rule}`);
      return reader.text(key, rule, test);
    },
    oneOf<T extends string>(key: string, choices: readonly T[]) {
      const value = reader.raw(key);
      if (value === undefined || choices.includes(value as T)) return value as T | undefined;
      const meant = typeof value === 'string' ? didYouMean(value, choices) : '';
      report(key, `${show(value)} is not one of ${choices.join(', ')}${meant}`);
      return undefined;
    },
    flag(key) {
      const value = reader.raw(key);
      if (value === undefined || typeof value === 'boolean') return value;
      report(key, `${show(value)} is not true or false`);
      return undefined;
    },
  };
  return reader;
}

/** Writes a value for a message: cut at 60 characters, without the password of a URL. */
export function show(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/\s]*@/g, '//…@');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** `; did you mean "region"?` if a choice is at most two edits away, or is the only one that begins so; else empty. */
export function didYouMean(word: string, choices: readonly string[]): string {
  const close = nearest(word, choices);
  const isClose = close !== undefined && editDistance(word.toLowerCase(), close.toLowerCase()) <= 2;
  const longer = choices.filter((one) => word.length >= 3 && one.startsWith(word.toLowerCase()));
  const choice = isClose ? close : longer.length === 1 ? longer[0] : undefined;
  return choice === undefined ? '' : `; did you mean "${choice}"?`;
}

/** The choice with the fewest edits; undefined if there are no choices. */
export function nearest(word: string, choices: readonly string[]): string | undefined {
  return choices
    .map((choice) => ({ choice, distance: editDistance(word.toLowerCase(), choice.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0]?.choice;
}

/** The number of letters to insert, delete, replace or swap with the next one. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = isSwapped ? (beforeLast[j - 2] ?? 0) + 1 : replaced;
      row.push(Math.min(replaced, swapped, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}

/** Drops undefined members, so that absent settings are also absent in JSON. */
export function present<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
