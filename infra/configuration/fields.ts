import { createSettingsReader, didYouMean, type SettingsReader, show } from '../../lambda/contract.ts';

/** Reads the fields of one configured object, and notes each problem with its path, value and limit. */
export interface Fields extends SettingsReader {
  /** Path of the object, `tokens[1]`. */
  readonly path: string;
  /** A whole number of `unit` within the limits. */
  wholeNumber(key: string, unit: string, min: number, max: number): number | undefined;
  /** A list of 1 to `max` different strings that `test` accepts; `rule` says what each must be. */
  texts(key: string, rule: string, test: RegExp, max: number): readonly string[] | undefined;
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
  const reader = createSettingsReader(record, (key, message) => problems.push(`${path}.${key}: ${message}`));
  return {
    ...reader,
    path,
    wholeNumber(key, unit, min, max) {
      const field = reader.raw(key);
      if (field === undefined) return undefined;
      if (typeof field === 'number' && Number.isInteger(field) && field >= min && field <= max) return field;
      reader.problem(key, `${show(field)} is not a whole number of ${unit} from ${min} to ${max}`);
      return undefined;
    },
    texts(key, rule, test, max) {
      const list = reader.raw(key);
      if (list === undefined) return undefined;
      if (!Array.isArray(list) || list.length === 0 || list.length > max) {
        reader.problem(key, `${show(list)} is not a list of 1 to ${max}, each ${rule}`);
        return undefined;
      }
      list.forEach((one: unknown, index) => {
        if (typeof one !== 'string' || !test.test(one)) {
          reader.problem(`${key}[${index}]`, `${show(one)} is not ${rule}`);
        } else if (list.indexOf(one) !== index) {
          reader.problem(`${key}[${index}]`, `${show(one)} is listed twice`);
        }
      });
      return list;
    },
    refuseUnknown(remedy = () => undefined) {
      const known = reader.asked();
      for (const key of Object.keys(record).filter((one) => !known.includes(one))) {
        // The value stays unsaid: it may be a secret that was put into the wrong place.
        const isSecret = /secret|password|private|key/i.test(key);
        const advice = isSecret
          ? '; a client secret belongs in Secrets Manager, never in the configuration'
          : didYouMean(key, known);
        reader.problem(key, remedy(key) ?? `is not a setting${advice}`);
      }
    },
  };
}
