import { existsSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { show } from '../rules/messages.ts';

/** The file beside cdk.json that holds the tokens. This repository has none: an example would replace somebody's tokens. */
export const TOKENS_FILE = 'tokens.json';

/** The unchecked tokens. */
export interface TokensSource {
  readonly tokens: unknown;
  /** The file that contains them; undefined: the context. */
  readonly file?: string;
}

/** What a clone without tokens is told. */
const NO_TOKENS = `are missing, and a deployment deletes what it does not name. Write ${TOKENS_FILE} beside cdk.json (tokens.example.json shows how), or name the file of this stack: -c tokensFile=PATH`;

/**
 * Finds the tokens: on the command line (`-c tokens='[…]'`, a string), otherwise in the file, otherwise in `cdk.json`.
 * Returns undefined, and reports a problem, if there are none, if two places have some, or if they cannot be read.
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
  if (tokensFile !== undefined) return readFile(path, problems);
  const hasFile = directory !== undefined && existsSync(path);
  if (hasFile && tokens === undefined) return readFile(path, problems);
  if (tokens !== undefined && !hasFile) return { tokens };
  problems.push(`tokens: ${hasFile ? `are in cdk.json and in ${TOKENS_FILE}; keep one of them` : NO_TOKENS}`);
  return undefined;
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
