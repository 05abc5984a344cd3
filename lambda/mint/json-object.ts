/** Reads a JSON object; undefined if the text is none. */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  try {
    // Editors on Windows begin a file with a byte order mark.
    const json: unknown = JSON.parse(text.replace(/^\ufeff/, ''));
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject ? (json as Record<string, unknown>) : undefined;
  } catch {
    // The parser's error is not passed on: its message quotes what it read.
    return undefined;
  }
}
