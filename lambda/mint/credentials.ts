import { RefreshError } from '../errors.ts';
import type { Credentials } from '../providers/provider.ts';
import { parseJsonObject } from './json-object.ts';

/**
 * Reads the JSON of a secret's value. A key may also be written in camelCase (`clientId`).
 *
 * @param keys the required keys
 * @param secretArn for the message
 * @param called what the secret calls the keys, where it has names of its own
 * @throws RefreshError `SECRET_MALFORMED`, naming everything that is wrong, never a value
 */
export function parseCredentials<K extends string>(
  text: string,
  keys: readonly K[],
  secretArn: string,
  called: KeyNames = {},
): Credentials<K> {
  const json = parseJsonObject(text);
  if (json === undefined) {
    const problem = text.trim() === '' ? 'it is empty' : 'it is not a JSON object';
    throw malformedSecret(problem, keys, secretArn, called);
  }

  const problems: string[] = [];
  const values: Partial<Record<string, string>> = {};
  for (const key of keys) {
    const value = readKey(json, key, called[key] ?? key);
    if (typeof value === 'string') values[key] = value;
    else problems.push(value.problem);
  }
  if (problems.length > 0) throw malformedSecret(problems.join('; '), keys, secretArn, called);
  const kid = 'kid' in json && typeof json.kid === 'string' ? { kid: json.kid } : {};
  return { ...(values as Record<K, string>), ...kid };
}

/** The error for a secret that cannot be used. `keys`: those that it should have. */
export function malformedSecret(
  problem: string,
  keys: readonly string[],
  secretArn: string,
  called?: KeyNames,
): RefreshError {
  return new RefreshError(
    'SECRET_MALFORMED',
    `The secret ${secretArn} cannot be used: ${problem}. ${howToStore(keys, secretArn, called)}`,
  );
}

type KeyNames = Readonly<Partial<Record<string, string | undefined>>>;

/** Reads from a file, because an argument would be in the shell's history and in the list of processes. */
export function howToStore(keys: readonly string[], secretArn: string, called: KeyNames = {}): string {
  const shape = keys.map((key) => `"${called[key] ?? key}": "…"`).join(', ');
  return `Write {${shape}} into a file and store it: aws secretsmanager put-secret-value --secret-id ${secretArn} --secret-string file://credentials.json`;
}

/** The names under which a secret's JSON has a key: its own, or the same in camelCase. */
export function namesOf(json: Readonly<Record<string, unknown>>, key: string): string[] {
  const camelCase = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return [key, camelCase].filter((name) => json[name] !== undefined);
}

function readKey(
  json: Record<string, unknown>,
  key: string,
  called: string,
): string | { readonly problem: string } {
  const names = namesOf(json, called);
  const [name, second] = names;
  if (name === undefined) return { problem: `${called} is missing` };
  if (second !== undefined && json[name] !== json[second]) {
    return { problem: `${name} and ${second} are both set, to different values` };
  }
  const value = json[name];
  if (key === 'private_key' && typeof value === 'object' && value !== null) return JSON.stringify(value);
  if (typeof value !== 'string') return { problem: `${name} is not a string` };
  const problem = textProblem(value, key);
  return problem === undefined ? value : { problem: `${name} ${problem}` };
}

function textProblem(value: string, key: string): string | undefined {
  if (value.trim() === '') return 'is empty';
  // A PEM file has lines, and ends with one.
  if (key === 'private_key') return undefined;
  if (/^[\s\u200b\ufeff]|[\s\u200b\ufeff]$/.test(value)) return 'begins or ends with white space';
  if (/\p{Cc}/u.test(value)) return 'contains a control character';
  return undefined;
}
