import { inspect } from 'node:util';

/**
 * Expects that no secret is anywhere in a value: own and hidden properties, causes, stack, at any depth; as it is, in
 * a URL, in JSON, in hex or in base64.
 */
export function expectNoLeak(value: unknown, secrets: readonly string[]): void {
  const stack = value instanceof Error ? value.stack : '';
  const text =
    typeof value === 'string'
      ? value
      : `${inspect(value, { showHidden: true, depth: null, maxStringLength: null, maxArrayLength: null })}\n${stack}`;
  const leaked = secrets
    .filter((one) => one !== '')
    .flatMap(formsOf)
    .filter((form) => text.includes(form));
  // The count alone: a failed assertion on the text would print what leaked.
  expect(leaked.length).toBe(0);
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    // Base64 of a part of a longer text differs at both ends: its middle does not.
    ...[bytes.toString('base64'), bytes.toString('base64url')].map((form) => form.slice(0, -4) || secret),
  ];
}

/** The error that a promise rejects with; fails where it does not reject. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code: string }> {
  const outcome = await promise.then(
    () => undefined,
    (error: Error & { code: string }) => error,
  );
  if (outcome === undefined) throw new Error('It did not fail.');
  return outcome;
}
