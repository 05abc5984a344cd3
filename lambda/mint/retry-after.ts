/**
 * Reads how long a server asks to wait, in milliseconds; undefined if it does not say, or if the time has passed. Some
 * servers write the seconds into the body, as `retry_after` or `retryAfter`.
 *
 * @see RFC 9110 section 10.2.3
 */
export function parseRetryAfter(
  headers: Readonly<Record<string, string>>,
  now: Date,
  json: Readonly<Record<string, unknown>> = {},
): number | undefined {
  const inBody = [json.retry_after, json.retryAfter].find((one) => /^(string|number)$/.test(typeof one));
  const value = (headers['retry-after'] ?? String(inBody ?? '')).trim();
  // RFC 9110 section 5.6.7: each form of a date begins with the day's name; a bare number is no date.
  const isDate = /^[A-Z][a-z]{2,8},? /.test(value);
  const ms = isDate ? Date.parse(value) - now.getTime() : /^\d+$/.test(value) ? Number(value) * 1000 : 0;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}
