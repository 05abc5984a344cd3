import { BEAT_MS, type RefreshTimes } from '../contract.ts';
import type { Reading } from '../refresh/parameters.ts';
import { describedToken, refreshDueAt } from '../refresh/planner.ts';
import type { DiagnosisStep } from './step.ts';

/** Beats that may be missing before it is a fault. */
const GRACE_MS = 5 * BEAT_MS;

/**
 * Tells whether the function was invoked when the stored token was due, by what was stored before this invocation: a beat
 * replaces the token, or writes why it could not.
 */
export function describeSchedule(before: Reading | undefined, now: Date, times: RefreshTimes): DiagnosisStep {
  const step = { step: 'schedule' } as const;
  const expected = before === undefined ? undefined : nextWriteBy(before, times);
  if (expected === undefined) {
    return { ...step, ok: true, message: 'What is stored does not tell whether the schedule runs.' };
  }
  if (now.getTime() - expected.getTime() <= GRACE_MS) {
    return { ...step, ok: true, message: 'Nothing shows that an invocation is missing.' };
  }
  return {
    ...step,
    ok: false,
    fault: 'stack',
    message: `Nobody invoked the function: a refresh was due at ${expected.toISOString()}, and until this invocation nothing was written, not even a failure.`,
    remedy:
      "Enable the schedule in EventBridge Scheduler (aws scheduler list-schedules shows its state), and check that the function's reserved concurrency is not 0 and that its log has no time limits reached.",
  };
}

/** When a working schedule would have written the status again; undefined if that is not known. */
function nextWriteBy(before: Reading, times: RefreshTimes): Date | undefined {
  const failure = before.status?.lastFailure ?? null;
  if (failure !== null) {
    const { at, consecutive, retryAt } = failure;
    // A failure that makes the next try wait is written each time; others when their count has doubled.
    const isEachWritten = retryAt.getTime() - at.getTime() > BEAT_MS;
    const doubledMs = isEachWritten ? 0 : at.getTime() + consecutive * BEAT_MS;
    return new Date(Math.max(retryAt.getTime(), doubledMs));
  }
  const token = describedToken(before);
  return token === null ? undefined : refreshDueAt(token, times);
}
