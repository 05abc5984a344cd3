import { RefreshError } from '../errors.ts';
import type { Credentials } from '../providers/provider.ts';

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
  const malformed = (problems: readonly string[]) =>
    new RefreshError(
      'SECRET_MALFORMED',
      `The secret ${secretArn} cannot be used: ${problems.join('; ')}. ${howToStore(keys, secretArn, called)}`,
    );
  if (text.trim() === '') throw malformed(['it is empty']);
  const json = parseObject(text);
  if (typeof json === 'string') throw malformed([json]);

  const problems: string[] = [];
  const values: Partial<Record<string, string>> = {};
  for (const key of keys) {
    const value = readKey(json, key, called[key] ?? key);
    if (typeof value === 'string') values[key] = value;
    else problems.push(value.problem);
  }
  if (problems.length > 0) throw malformed(problems);
  const kid = 'kid' in json && typeof json.kid === 'string' ? { kid: json.kid } : {};
  return { ...(values as Record<K, string>), ...kid };
}

/** The error for text that is not a valid private key. */
export function malformedPrivateKey(problem: string, secretArn: string): RefreshError {
  return new RefreshError(
    'SECRET_MALFORMED',
    `The secret ${secretArn} cannot be used: private_key ${problem}. ${howToStore(['client_id', 'private_key'], secretArn)}`,
  );
}

type KeyNames = Readonly<Partial<Record<string, string | undefined>>>;

/** Reads from a file, because an argument would be in the shell's history and in the list of processes. */
export function howToStore(keys: readonly string[], secretArn: string, called: KeyNames = {}): string {
  const shape = keys.map((key) => `"${called[key] ?? key}": "…"`).join(', ');
  return `Write {${shape}} into a file and store it: aws secretsmanager put-secret-value --secret-id ${secretArn} --secret-string file://credentials.json`;
}

/** Reads a JSON object; a text says what else it is. */
export function parseObject(text: string): Record<string, unknown> | string {
  try {
    // Editors on Windows begin a file with a byte order mark.
    const json: unknown = JSON.parse(text.replace(/^\ufeff/, ''));
    if (typeof json === 'object' && json !== null && !Array.isArray(json))
      return json as Record<string, unknown>;
    return 'it is JSON, but not an object';
  } catch {
    // The parser's error is not passed on as the cause: its message quotes what it read.
    return 'it is not JSON';
  }
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
  if (typeof value !== 'string') return { problem: `${name} is not a string but ${typeName(value)}` };
  const problem = textProblem(value, key);
  return problem === undefined ? value : { problem: `${name} ${problem}` };
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `of the type ${typeof value}`;
}

function textProblem(value: string, key: string): string | undefined {
  if (value.trim() === '') return 'is empty';
  // A PEM file has lines, and ends with one.
  if (key === 'private_key') return undefined;
  if (/[\r\n]$/.test(value)) return 'ends with a newline';
  if (/^[\s\u200b\ufeff]/.test(value)) return 'begins with white space';
  if (/[\s\u200b\ufeff]$/.test(value)) return 'ends with white space';
  if (/\p{Cc}/u.test(value)) return 'contains a control character';
  return undefined;
}
