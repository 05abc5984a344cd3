import { existsSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { show } from '../rules/messages.ts';
import type { Problem } from '../rules/rule.ts';

/** The file beside cdk.json that holds the tokens. This repository has none: an example would replace somebody's tokens. */
export const TOKENS_FILE = 'tokens.json';

/** The unchecked tokens, or why there are none. */
export interface TokensSource {
  readonly tokens?: unknown;
  /** The file that contains them; undefined: the context. */
  readonly file?: string;
  readonly problem?: Problem;
}

/** What a clone without tokens is told. */
const NO_TOKENS = `are missing, and a deployment deletes what it does not name. Write ${TOKENS_FILE} beside cdk.json (tokens.example.json shows how), or name the file of this stack: -c tokensFile=PATH`;

/**
 * Finds the tokens: on the command line (`-c tokens='[…]'`, a string), otherwise in the file, otherwise in `cdk.json`. It is a
 * problem if there are none, if two places have some, or if they cannot be read.
 *
 * @param directory where cdk.json is; undefined: only a `tokensFile` of the context is read
 */
export function findTokens(
  { tokens, tokensFile }: Readonly<Record<string, unknown>>,
  directory: string | undefined,
): TokensSource {
  const refuse = (path: string, message: string) => ({ problem: { path, message } });
  if (tokensFile !== undefined && (typeof tokensFile !== 'string' || tokensFile === '')) {
    return refuse('tokensFile', `${show(tokensFile)} is not the path of a JSON file`);
  }
  if (typeof tokens === 'string') {
    if (tokensFile === undefined) {
      return parseJson('tokens', tokens, `; quote it for the shell: -c tokens='[{"name": …}]'`);
    }
    return refuse('tokensFile', 'is set beside tokens on the command line; set one of them');
  }
  const path = resolve(directory ?? '.', tokensFile ?? TOKENS_FILE);
  if (tokensFile !== undefined) return readFile(path);
  const hasFile = directory !== undefined && existsSync(path);
  if (hasFile && tokens === undefined) return readFile(path);
  if (tokens !== undefined && !hasFile) return { tokens };
  return refuse('tokens', hasFile ? `are in cdk.json and in ${TOKENS_FILE}; keep one of them` : NO_TOKENS);
}

function readFile(path: string): TokensSource {
  const file = basename(path);
  try {
    const { tokens, problem } = parseJson(file, readFileSync(path, 'utf8'));
    return problem === undefined ? { tokens: listOf(tokens), file } : { problem };
  } catch (error) {
    const message = `${show(file)} cannot be read (${(error as NodeJS.ErrnoException).code})`;
    return { problem: { path: 'tokensFile', message } };
  }
}

/** A file is the list, or an object with it, which can name the schema for editors beside it. */
function listOf(value: unknown): unknown {
  const { $schema: _, tokens, ...others } = Object(value) as Record<string, unknown>;
  return tokens !== undefined && Object.keys(others).length === 0 ? tokens : value;
}

/** Parses JSON. The problem says what is wrong without repeating the text: somebody may have put a secret there. */
function parseJson(path: string, text: string, advice = ''): TokensSource {
  try {
    return { tokens: JSON.parse(text) };
  } catch (error) {
    const reason = (error as Error).message.replace(/, (\.\.\.)?".*$/s, '');
    return { problem: { path, message: `is not JSON (${reason})${advice}` } };
  }
}
