import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { succeed } from './command.ts';
import { WORK_DIRECTORY } from './python-tools.ts';
import type { Target } from './target.ts';

/** The real AWS CLI. */
export interface Aws {
  /** Runs `aws <words> --output json`. @throws Error with the CLI's message */
  call<T = unknown>(...words: string[]): Promise<T>;
  /** The same, with a text for its standard input: `file:///dev/stdin`. */
  callWith<T = unknown>(input: string, ...words: string[]): Promise<T>;
  /** Invokes a function, and returns its answer. @throws Error with the function's error */
  invoke(functionName: string, event: object): Promise<Readonly<Record<string, unknown>>>;
}

/** Sets the AWS CLI up for the target. */
export function createAws(target: Target, signal: AbortSignal): Aws {
  const parse = <T>(out: string): T => (out.trim() === '' ? undefined : JSON.parse(out)) as T;
  const call = async <T>(...words: string[]): Promise<T> =>
    parse(await succeed('aws', [...words, '--output', 'json'], { env: target.env, signal }));
  return {
    call,
    async callWith(input, ...words) {
      // Node.js connects programs by sockets, on which /dev/stdin cannot be opened. A pipe of the shell works.
      const piped = ['-c', 'cat | aws "$@"', 'sh', ...words, '--output', 'json'];
      return parse(await succeed('sh', piped, { env: target.env, input, signal }));
    },
    async invoke(functionName, event) {
      const directory = mkdtempSync(join(WORK_DIRECTORY, 'invoke-'));
      const file = join(directory, 'answer.json');
      try {
        const { FunctionError } = await call<{ FunctionError?: string }>(
          ...['lambda', 'invoke', '--function-name', functionName],
          ...['--payload', JSON.stringify(event), file],
        );
        const answer = JSON.parse(readFileSync(file, 'utf8'));
        if (FunctionError !== undefined) throw new Error(JSON.stringify(answer));
        return answer;
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  };
}
