import { type FailureCode, type Fault, isRefreshError } from '../errors.ts';

export type DiagnosisStepName =
  | 'config'
  | 'secret'
  | 'token-endpoint'
  | 'scope'
  | 'probe'
  | 'parameters'
  | 'clock'
  | 'schedule';

/** The result of one step. Contains no token and no secret. */
export interface DiagnosisStep {
  readonly step: DiagnosisStepName;
  readonly ok: boolean;
  /** The step was skipped, because a step that it needs failed. */
  readonly skipped?: true;
  readonly code?: FailureCode;
  /** Whose fault a failure or a warning is. Absent if the step is ok or skipped, or if its warning follows from other steps. */
  readonly fault?: Fault;
  /** The fact that was found. */
  readonly message?: string;
  /** The action to take next. */
  readonly remedy?: string;
  /** A fact that harms nothing now, but should be checked. */
  readonly warning?: string;
  readonly durationMs?: number;
}

/** A step's findings, if it did not fail. */
export type Finding = Pick<DiagnosisStep, 'message' | 'warning' | 'fault'>;

/** Runs steps and collects their results. */
export function createSteps(now: () => Date) {
  const steps: DiagnosisStep[] = [];
  return {
    steps,
    /** Runs one step, and returns its value; undefined if it failed. Never throws. */
    async run<T>(
      step: DiagnosisStepName,
      call: () => Promise<T>,
      describe: (value: T) => Finding = () => ({}),
    ): Promise<T | undefined> {
      const startedAt = now().getTime();
      const durationMs = () => Math.max(0, now().getTime() - startedAt);
      try {
        const value = await call();
        steps.push({ step, ok: true, ...describe(value), durationMs: durationMs() });
        return value;
      } catch (error) {
        steps.push({ step, ok: false, ...describeError(error), durationMs: durationMs() });
        return undefined;
      }
    },
    /** Notes those of the steps that were not tried, because the last one failed. */
    skip(...names: readonly DiagnosisStepName[]): void {
      const message = `Not tried: it needs ${steps.at(-1)?.step}.`;
      const missing = names.filter((name) => steps.every(({ step }) => step !== name));
      for (const step of missing) steps.push({ step, ok: false, skipped: true, message });
    },
  };
}

/** The first sentence of a RefreshError's message says what happened; the rest says what to do. */
function describeError(error: unknown): Pick<DiagnosisStep, 'code' | 'fault' | 'message' | 'remedy'> {
  if (!isRefreshError(error)) {
    const kind = error instanceof Error ? error.name : typeof error;
    return {
      fault: 'refresher',
      message: `Unexpected ${kind}.`,
      remedy: 'This is a bug of the function: report it, with the function’s log.',
    };
  }
  const [, message = error.message, remedy] = /^(.*?\.) ([A-Z].*)$/s.exec(error.message) ?? [];
  const { code, fault } = error;
  return { code, fault, message, ...(remedy === undefined ? {} : { remedy }) };
}
