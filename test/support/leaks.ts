import { inspect } from 'node:util';

/**
 * Expects that nothing of these secrets is anywhere in a value: own and hidden properties, causes, stack, at any
 * depth; as it is, form-encoded, and in base64.
 */
export function expectNoLeak(value: unknown, secrets: readonly string[]): void {
  const stack = value instanceof Error ? value.stack : '';
  const text = `${inspect(value, { showHidden: true, depth: null, maxStringLength: null, maxArrayLength: null })}\n${stack}`;
  for (const secret of secrets.filter((one) => one !== '')) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(encodeURIComponent(secret));
    // Base64 of a part of a longer text differs at both ends: its middle does not.
    expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, -4) || secret);
  }
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
