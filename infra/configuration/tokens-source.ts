import { existsSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { show } from '../rules/messages.ts';

/** The file beside cdk.json that holds the tokens, if it is there. Git ignores it, so that an upgrade does not conflict with it. */
export const TOKENS_FILE = 'tokens.json';

/** The unchecked tokens. */
export interface TokensSource {
  readonly tokens: unknown;
  /** The file that contains them; undefined: the context. */
  readonly file?: string;
}

/**
 * Finds the tokens: on the command line (`-c tokens='[…]'`, a string), otherwise in the file, otherwise in `cdk.json`.
 * Returns undefined, and reports a problem, if they cannot be read.
 *
 * @param directory where cdk.json is; undefined: only a `tokensFile` of the context is read
 */
export function findTokens(
  context: Readonly<Record<string, unknown>>,
  directory: string | undefined,
  problems: string[],
): TokensSource | undefined {
  const { tokens, tokensFile } = context;
  if (tokensFile !== undefined && (typeof tokensFile !== 'string' || tokensFile === '')) {
    problems.push(`tokensFile: ${show(tokensFile)} is not the path of a JSON file`);
    return undefined;
  }
  if (typeof tokens === 'string') {
    if (tokensFile === undefined) return { tokens };
    problems.push('tokensFile: is set beside tokens on the command line; set one of them');
    return undefined;
  }
  const path = resolve(directory ?? '.', tokensFile ?? TOKENS_FILE);
  if (tokensFile === undefined && (directory === undefined || !existsSync(path))) return { tokens };
  return readFile(path, problems);
}

function readFile(path: string, problems: string[]): TokensSource | undefined {
  const file = basename(path);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    problems.push(`tokensFile: ${show(file)} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    return undefined;
  }
  const { value, problem } = parseJson(text);
  if (problem === undefined) return { tokens: listOf(value), file };
  problems.push(`${file}: ${problem}`);
  return undefined;
}

/** A file is the list, or an object with it, which can name the schema for editors beside it. */
function listOf(value: unknown): unknown {
  const { $schema: _, tokens, ...others } = Object(value) as Record<string, unknown>;
  return tokens !== undefined && Object.keys(others).length === 0 ? tokens : value;
}

/** Parses JSON. The error says what is wrong without repeating the text: somebody may have put a secret there. */
export function parseJson(text: string): { readonly value?: unknown; readonly problem?: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const reason = (error as Error).message.replace(/, (\.\.\.)?".*$/s, '');
    return { problem: `is not JSON (${reason})` };
  }
}
