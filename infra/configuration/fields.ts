/** Reads the fields of one configured object, and notes each problem with its path, value and limit. */
export interface Fields {
  /** Path of the object, `tokens[1]`. */
  readonly path: string;
  /** Notes a problem of one field: `path.key: message`. */
  problem(key: string, message: string): void;
  /** Tells whether the field is there. */
  has(key: string): boolean;
  /** A string that `test` accepts; `rule` says what it must be. Undefined where absent or wrong. */
  text(key: string, rule: string, test: RegExp | ((value: string) => boolean)): string | undefined;
  /** A string that must be there. */
  requiredText(key: string, rule: string, test: RegExp | ((value: string) => boolean)): string | undefined;
  /** One of the listed strings. */
  oneOf<T extends string>(key: string, choices: readonly T[]): T | undefined;
  /** A whole number of `unit` within the limits. */
  wholeNumber(key: string, unit: string, min: number, max: number): number | undefined;
  flag(key: string): boolean | undefined;
  /** Any value, unchecked. */
  raw(key: string): unknown;
  /** Notes each field that nobody asked for, or `remedy` for those it knows. Call it last. */
  refuseUnknown(remedy?: (key: string) => string | undefined): void;
}

/** Opens an object of the configuration; undefined, with a problem noted, where `value` is none. */
export function openFields(value: unknown, path: string, problems: string[]): Fields | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(`${path}: ${show(value)} is not an object`);
    return undefined;
  }
  const record = value as Readonly<Record<string, unknown>>;
  const known = new Set<string>();
  const fields: Fields = {
    path,
    problem: (key, message) => problems.push(`${path}.${key}: ${message}`),
    has(key) {
      known.add(key);
      return record[key] !== undefined;
    },
    raw(key) {
      known.add(key);
      return record[key];
    },
    text(key, rule, test) {
      const field = fields.raw(key);
      if (field === undefined) return undefined;
      if (typeof field === 'string' && (test instanceof RegExp ? test.test(field) : test(field)))
        return field;
      fields.problem(key, `${show(field)} is not ${rule}`);
      return undefined;
    },
    requiredText(key, rule, test) {
      if (!fields.has(key)) fields.problem(key, `is missing; set it to ${rule}`);
      return fields.text(key, rule, test);
    },
    oneOf<T extends string>(key: string, choices: readonly T[]) {
      const field = fields.raw(key);
      if (field === undefined || choices.includes(field as T)) return field as T | undefined;
      const meant = typeof field === 'string' ? didYouMean(field, choices) : '';
      fields.problem(key, `${show(field)} is not one of ${choices.join(', ')}${meant}`);
      return undefined;
    },
    wholeNumber(key, unit, min, max) {
      const field = fields.raw(key);
      if (field === undefined) return undefined;
      if (typeof field === 'number' && Number.isInteger(field) && field >= min && field <= max) return field;
      fields.problem(key, `${show(field)} is not a whole number of ${unit} from ${min} to ${max}`);
      return undefined;
    },
    flag(key) {
      const field = fields.raw(key);
      if (field === undefined || typeof field === 'boolean') return field;
      fields.problem(key, `${show(field)} is not true or false`);
      return undefined;
    },
    refuseUnknown(remedy = () => undefined) {
      for (const key of Object.keys(record).filter((one) => !known.has(one))) {
        // The value stays unsaid: it may be a secret that was put into the wrong place.
        const isSecret = /secret|password|private|key/i.test(key);
        const advice = isSecret
          ? '; a client secret belongs in Secrets Manager, never in the configuration'
          : didYouMean(key, [...known]);
        fields.problem(key, remedy(key) ?? `is not a setting${advice}`);
      }
    },
  };
  return fields;
}

/** Writes a value as a person would recognize it, cut at 60 characters, without the password of a URL. */
export function show(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/\s]*@/g, '//…@');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** `; did you mean "region"?` where one of the choices is at most two edits away, else nothing. */
function didYouMean(word: string, choices: readonly string[]): string {
  const nearest = choices
    .map((choice) => ({ choice, distance: editDistance(word.toLowerCase(), choice.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return nearest !== undefined && nearest.distance <= 2 ? `; did you mean "${nearest.choice}"?` : '';
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
