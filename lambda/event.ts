import { RefreshError } from './errors.ts';

/** What an invocation requests. */
export type Request =
  | { readonly kind: 'beat' }
  | { readonly kind: 'force' }
  | { readonly kind: 'secret-changed' }
  | { readonly kind: 'min-remaining'; readonly minRemainingMs: number }
  | { readonly kind: 'diagnose' };

const ACCEPTED =
  'It requested nothing. Send {}, {"force":true}, {"minRemainingSeconds":2700} or {"diagnose":true}.';

/**
 * Reads an invocation's event.
 *
 * @throws RefreshError `EVENT_INVALID`, saying what was wrong with it
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
 */
export function parseEvent(event: unknown): Request {
  // An invocation without a payload arrives as null or undefined.
  if (event === null || event === undefined) return { kind: 'beat' };
  if (typeof event !== 'object' || Array.isArray(event)) throw invalid('The event is not a JSON object.');
  if ('source' in event && 'detail-type' in event) return parseAwsEvent(event.source, event['detail-type']);
  const entries = Object.entries(event);
  if (entries.length === 0) return { kind: 'beat' };
  if (entries.length > 1) {
    throw invalid(`The event has ${entries.length} keys (${keyNames(event)}); at most one is allowed.`);
  }
  const [key, value] = entries[0] as [string, unknown];
  switch (key) {
    case 'force':
    case 'diagnose':
      if (value !== true) throw invalid(`"${key}" must be true.`);
      return { kind: key };
    case 'minRemainingSeconds':
      // More than any token lives is a request too: the answer has the best token that there is.
      if (!Number.isSafeInteger(value) || (value as number) < 0) {
        throw invalid('"minRemainingSeconds" must be a whole number, 0 or more.');
      }
      return { kind: 'min-remaining', minRemainingMs: (value as number) * 1000 };
    default:
      throw invalid(`The event has an unknown key (${keyNames(event)}).`);
  }
}

function parseAwsEvent(source: unknown, detailType: unknown): Request {
  // EventBridge Scheduler sends aws.scheduler for a schedule without an input; a scheduled rule sends aws.events.
  if (detailType === 'Scheduled Event') return { kind: 'beat' };
  if (source === 'aws.secretsmanager' && detailType === 'Secret Label Updated') {
    return { kind: 'secret-changed' };
  }
  throw invalid(
    'The event comes from an AWS service, but it is neither a schedule nor "Secret Label Updated".',
  );
}

function invalid(problem: string): RefreshError {
  return new RefreshError('EVENT_INVALID', `${problem} ${ACCEPTED}`);
}

/** Names the keys that look like plain names, and counts the others: they may be secrets too. */
function keyNames(event: object): string {
  return Object.keys(event)
    .slice(0, 5)
    .map((key) => (/^[A-Za-z][A-Za-z-]{0,29}$/.test(key) ? `"${key}"` : 'one that is not a plain name'))
    .join(', ');
}
