/*
 * jest-light-runner has no time limits: a test or a hook that hangs would hang the whole run. Loaded before the suites, this
 * gives both the limit of Jest's interface, the last argument. TEST_TIME_LIMIT_MS replaces the default. A stack then names
 * files as an editor opens them, without the runner's queries.
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
      if (error instanceof Error && error.stack !== undefined)
        error.stack = error.stack.replace(/file:\/\/([^?)]+?)(?:\?\d+)?(?=:\d+:\d+)/g, '$1');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
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
