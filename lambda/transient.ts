import { errorLabel } from './errors.ts';

/** Labels of failed AWS calls that end by themselves, as {@link errorLabel} gives them. Every 5xx and 429 counts too. */
const TRANSIENT = new Set([
  // Throttling, without the status 429.
  'Throttling',
  'ThrottlingException',
  // Another change of the same parameter or function is under way.
  'ResourceConflictException',
  'TooManyUpdates',
  // The network.
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'TimeoutError',
]);

/**
 * Whether a failed AWS call is worth another try within seconds: throttling, a change of the same thing at the same time, a
 * failure of the service or of the network. Not a denial: of that only a deployment knows that the permission may be new.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html#API_PutParameter_Errors
 */
export function isTransient(error: unknown): boolean {
  const { $metadata } = Object(error) as { readonly $metadata?: { readonly httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode ?? 0;
  return TRANSIENT.has(errorLabel(error)) || status >= 500 || status === 429;
}
