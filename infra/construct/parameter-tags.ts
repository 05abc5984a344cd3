import { show } from '../../lambda/contract.ts';

/** Tags by key. */
export type ParameterTags = Readonly<Record<string, string>>;

const MAX_TAGS = 50;
const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const CHARACTER_RULE = 'letters, digits, spaces and _.:/=+-@';

/**
 * Returns the problems of tags, each with the key that it is about (empty: all of them).
 *
 * @see https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
 */
export function tagProblems(tags: unknown): { readonly key: string; readonly message: string }[] {
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) {
    return [{ key: '', message: `${show(tags)} is not an object of texts: {"team": "contact-centre"}` }];
  }
  const entries = Object.entries(tags);
  const problems: { key: string; message: string }[] = [];
  if (entries.length === 0 || entries.length > MAX_TAGS) {
    problems.push({ key: '', message: `${entries.length} tags are not 1 to ${MAX_TAGS}` });
  }
  const earlier = new Map<string, string>();
  for (const [key, value] of entries) {
    const message = keyProblem(key, earlier.get(key.toLowerCase())) ?? valueProblem(value);
    if (message !== undefined) problems.push({ key, message });
    earlier.set(key.toLowerCase(), key);
  }
  return problems;
}

function keyProblem(key: string, alike: string | undefined): string | undefined {
  if (key === '' || key.length > 128 || !CHARACTERS.test(key)) {
    return `is not a tag's key: 1 to 128 ${CHARACTER_RULE}`;
  }
  if (/^aws:/i.test(key)) return 'begins with "aws:", which AWS reserves';
  // IAM treats them as the same key.
  return alike === undefined ? undefined : `differs from "${alike}" in upper and lower case only`;
}

function valueProblem(value: unknown): string | undefined {
  if (typeof value === 'string' && value.length <= 256 && CHARACTERS.test(value)) return undefined;
  return `${show(value)} is not a tag's value: a text of up to 256 ${CHARACTER_RULE}`;
}
