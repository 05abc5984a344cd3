import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * jest-light-runner has no time limits: a test or a hook that hangs would hang the whole run. Loaded before the suites, this
 * gives both the limit of Jest's interface, the last argument. TEST_TIME_LIMIT_MS replaces the default. Nor does the runner
 * quote the line that failed: this does.
 */
const DEFAULT_LIMIT_MS = Number(process.env.TEST_TIME_LIMIT_MS ?? 120_000);

type Step<Values extends unknown[]> = (...values: Values) => unknown;

/** The same step, but it rejects when it has not ended within `limitMs` milliseconds. */
function limited<Values extends unknown[]>(step: Step<Values>, limitMs = DEFAULT_LIMIT_MS) {
  return async (...values: Values): Promise<void> => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`It did not end within ${limitMs / 1000} s.`)),
      limitMs,
    );
    try {
      await Promise.race([step(...values), late.promise]);
    } catch (error) {
      throw error instanceof Error ? pointingAtItsLine(error) : error;
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Leaves the frames of our own files, as an editor opens them, and quotes the line of the first that is a test's. */
function pointingAtItsLine(error: Error): Error {
  const stack = error.stack ?? '';
  const frames = [...stack.matchAll(/^ +at .*?(file:[^?)]+?)(?:\?\d+)?:(\d+):\d+\)?$/gm)]
    .filter(([, url = '']) => !url.includes('/node_modules/') && url !== import.meta.url)
    .map(([, url = '', row]) => ({ file: relative('.', fileURLToPath(url)), row: Number(row) }));
  const quoted = frames.find(({ file }) => file.endsWith('test.ts')) ?? frames[0];
  if (quoted === undefined) return error;
  const source = readFileSync(quoted.file, 'utf8').split('\n')[quoted.row - 1]?.trim();
  const places = frames.map(({ file, row }) => `    at ${file}:${row}`);
  const [message = ''] = stack.split(/^ +at /m);
  error.stack = [message, `  > ${quoted.row} | ${source}`, ...places].join('\n');
  return error;
}

// An error of an SDK has ten frames of its own before the test's.
Error.stackTraceLimit = 40;

const { test: unlimited } = globalThis;
globalThis.test = Object.assign(
  (name: string, step: Step<[]>, limitMs?: number) => unlimited(name, limited(step, limitMs)),
  unlimited,
  {
    each:
      (table: readonly unknown[]) =>
      (name: string, step: Step<unknown[]>, limitMs?: number): void =>
        unlimited.each(table)(name, limited(step, limitMs)),
  },
) as jest.It;

for (const hook of ['beforeAll', 'beforeEach', 'afterEach', 'afterAll'] as const) {
  const unlimitedHook = globalThis[hook];
  globalThis[hook] = (step, limitMs) => unlimitedHook(limited(step as Step<[]>, limitMs));
}
