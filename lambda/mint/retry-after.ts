/**
 * Reads how long a server asks to wait, in milliseconds; undefined if it does not say, or if the time has passed. A date
 * is counted from the response's own `Date`, so that only the server's clock matters. Some servers write the seconds into
 * the body, as `retry_after` or `retryAfter`.
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
  if (/^\d+$/.test(value)) return positive(Number(value) * 1000);
  const until = httpDate(value);
  if (until === undefined) return undefined;
  return positive(until - (httpDate(headers.date ?? '') ?? now.getTime()));
}

/** RFC 9110 section 5.6.7: all three forms begin with the day's name; a bare number is no date. */
function httpDate(text: string): number | undefined {
  const time = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

function positive(ms: number): number | undefined {
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}
