import * as z from 'zod';
import { didYouMean, show } from './messages.ts';

/**
 * The message of a value that breaks a rule: the value, and what it must be, and which of `choices` it misspells. Of a missing
 * one: what to set.
 */
export const must = (rule: string, choices: readonly string[] = []) => ({
  error: ({ input }: { readonly input?: unknown }) => {
    if (input === undefined) return `is missing; set it to ${rule}`;
    return `${show(input)} is not ${rule}${didYouMean(String(input), choices)}`;
  },
});

/** A text for which `isRight` holds. */
export const textThat = (rule: ReturnType<typeof must>, isRight: (value: string) => boolean) =>
  z.string(rule).refine(isRight, rule);

/** A text of this pattern. An editor shows the rule too. */
export const text = (rule: string, pattern: RegExp) =>
  z.string(must(rule)).regex(pattern, must(rule)).describe(rule);

/** One of some texts. A misspelt one is recognized. */
export const choice = <const T extends readonly string[]>(choices: T) =>
  z.enum(choices, must(`one of ${choices.join(', ')}`, choices));

export const flag = () => z.boolean(must('true or false'));

/** A whole number of `unit`. */
export function whole(unit: string, least: number, greatest: number) {
  const rule = `a whole number of ${unit} from ${least} to ${greatest.toLocaleString('en-US')}`;
  return z.int(must(rule)).min(least, must(rule)).max(greatest, must(rule)).describe(rule);
}

/** A list of `least` to `greatest` members with different keys. */
export function list<T extends z.ZodType>(
  member: T,
  rule: string,
  { least = 0, greatest = Number.MAX_SAFE_INTEGER, keyOf = (one: unknown) => JSON.stringify(one) } = {},
) {
  const lengthRule = must(rule);
  return z
    .array(member, lengthRule)
    .min(least, lengthRule)
    .max(greatest, lengthRule)
    .meta({ uniqueItems: true })
    .superRefine((members: unknown[], context) => {
      const keys = members.map(keyOf);
      for (const [index, one] of members.entries()) {
        if (keys.indexOf(keys[index] ?? '') === index) continue;
        context.addIssue({ code: 'custom', path: [index], message: `${show(one)} is listed twice` });
      }
    });
}

/**
 * An object of these settings and no others.
 *
 * @param foreign the message for a key that the object does not take, if more is known than that
 */
export function object<T extends z.ZodRawShape>(
  shape: T,
  rule: string,
  foreign: (key: string) => string | undefined = () => undefined,
) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => foreign(key) ?? unknownSetting(key, known)).join('\n')
        : must(rule).error(issue),
  });
}

/** The value stays unsaid: it may be a secret that was put into the wrong place. */
function unknownSetting(key: string, known: readonly string[]): string {
  const isSecret = /secret|password|private|key/i.test(key);
  const advice = isSecret
    ? '; a client secret belongs in Secrets Manager, never in the configuration'
    : didYouMean(key, known);
  return `is not a setting${advice}`;
}

/** A problem of the setting at `path`, `readers[1].subject` for example; empty: of the whole object. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

/**
 * Checks an object. All problems come at once, the first one of each setting.
 *
 * @returns the problems, and the members that have none, with defaults
 */
export function check<T extends z.ZodObject>(
  schema: T,
  value: unknown,
): { readonly good: Partial<z.output<T>>; readonly problems: readonly Problem[] } {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return { good: data as Partial<z.output<T>>, problems: [] };
  const problems = firsts(error.issues.flatMap((issue) => problemsOf(issue)));
  if (problems.some(({ path }) => path === '')) return { good: {}, problems };
  const wrong = error.issues.map(({ path: [key] }) => key);
  const rest = Object.entries(value as object).filter(([key]) => key in schema.shape && !wrong.includes(key));
  return { good: schema.partial().parse(Object.fromEntries(rest)) as Partial<z.output<T>>, problems };
}

/** The first problem of each path. */
export function firsts(problems: readonly Problem[]): Problem[] {
  return problems.filter(({ path }, index) => problems.findIndex((one) => one.path === path) === index);
}

function problemsOf(issue: z.core.$ZodIssue, outer: readonly PropertyKey[] = []): Problem[] {
  const path = [...outer, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, index) => ({
      path: pathText([...path, key]),
      message: messages[index] ?? '',
    }));
  }
  if (issue.code === 'invalid_key')
    return [{ path: pathText(path), message: issue.issues[0]?.message ?? '' }];
  // The alternative that the value is of the type of; of several, the one with the fewest problems.
  const meant =
    issue.code === 'invalid_union'
      ? issue.errors
          .filter((one) => !one.some(({ code, path: [key] }) => code === 'invalid_type' && key === undefined))
          .sort((a, b) => a.length - b.length)[0]
      : undefined;
  return meant?.flatMap((one) => problemsOf(one, path)) ?? [{ path: pathText(path), message: issue.message }];
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}
