import { MAX_LIFETIME_MS } from './contract.ts';
import { RefreshError } from './errors.ts';

/** What an invocation asks for. */
export type Request =
  | { readonly kind: 'beat' }
  | { readonly kind: 'force' }
  | { readonly kind: 'secret-changed' }
  | { readonly kind: 'min-remaining'; readonly minRemainingMs: number }
  | { readonly kind: 'diagnose' };

/** A longer wish is a mistake. */
const MAX_MIN_REMAINING_SECONDS = MAX_LIFETIME_MS / 1000;

const ACCEPTED =
  'Send {}, {"force":true}, {"minRemainingSeconds":2700} or {"diagnose":true}. Nothing was minted or stored.';

/**
 * Reads an invocation's event.
 *
 * @throws RefreshError `EVENT_INVALID`, saying what was wrong with it
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/event-detail-secret-label-updated-secretsmanager.html
 */
export function parseEvent(event: unknown): Request {
  // An invocation without a payload arrives as null or undefined.
  if (event === null || event === undefined) return { kind: 'beat' };
  if (typeof event !== 'object' || Array.isArray(event)) {
    throw invalid(
      `The event is ${Array.isArray(event) ? 'an array' : `a ${typeof event}`}, not a JSON object.`,
    );
  }
  if ('source' in event && 'detail-type' in event) return parseAwsEvent(event as AwsEvent);
  const entries = Object.entries(event);
  if (entries.length === 0) return { kind: 'beat' };
  if (entries.length > 1) {
    throw invalid(`The event has ${entries.length} keys (${keyNames(event)}), and takes one at most.`);
  }
  const [key, value] = entries[0] as [string, unknown];
  switch (key) {
    case 'force':
    case 'diagnose':
      if (value !== true) throw invalid(`"${key}" is ${kindOf(value)}, and takes only true.`);
      return { kind: key };
    case 'minRemainingSeconds':
      if (
        !Number.isInteger(value) ||
        (value as number) < 0 ||
        (value as number) > MAX_MIN_REMAINING_SECONDS
      ) {
        throw invalid(
          `"minRemainingSeconds" is ${kindOf(value)}, and takes a whole number from 0 to ${MAX_MIN_REMAINING_SECONDS}.`,
        );
      }
      return { kind: 'min-remaining', minRemainingMs: (value as number) * 1000 };
    default:
      throw invalid(`The event has an unknown key (${keyNames(event)}).`);
  }
}

interface AwsEvent {
  readonly source: unknown;
  readonly 'detail-type': unknown;
}

function parseAwsEvent(event: AwsEvent): Request {
  // EventBridge Scheduler sends this where a schedule has no input of its own; a rule's schedule sends aws.events.
  if (event['detail-type'] === 'Scheduled Event') return { kind: 'beat' };
  if (event.source === 'aws.secretsmanager' && event['detail-type'] === 'Secret Label Updated') {
    return { kind: 'secret-changed' };
  }
  throw invalid('The event comes from an AWS service, but is neither a schedule nor "Secret Label Updated".');
}

function invalid(problem: string): RefreshError {
  return new RefreshError('EVENT_INVALID', `${problem} ${ACCEPTED}`);
}

/** Says what a value is without repeating text: somebody may have pasted a secret. */
function kindOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : `of type ${typeof value}`;
}

/** Key names that look like names; others are counted only, for the same reason. */
function keyNames(event: object): string {
  return Object.keys(event)
    .slice(0, 5)
    .map((key) => (/^[A-Za-z][A-Za-z-]{0,29}$/.test(key) ? `"${key}"` : 'one that is not a plain name'))
    .join(', ');
}
