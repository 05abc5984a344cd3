/*
 * jest-light-runner has no time limits: a test or a hook that hangs would hang the whole run. Loaded before the suites, this
 * gives both the limit of Jest's interface, the last argument. TEST_TIME_LIMIT_MS replaces the default.
 */
const DEFAULT_LIMIT_MS = Number(process.env.TEST_TIME_LIMIT_MS ?? 120_000);

type Step<Values extends unknown[]> = (...values: Values) => unknown;

/** The same step, but it rejects when it has not ended within `limitMs` milliseconds. */
export function limited<Values extends unknown[]>(step: Step<Values>, limitMs = DEFAULT_LIMIT_MS) {
  return async (...values: Values): Promise<void> => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`It did not end within ${limitMs / 1000} s.`)),
      limitMs,
    );
    try {
      await Promise.race([step(...values), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}

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
