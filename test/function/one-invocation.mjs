/**
 * Loads a handler and invokes it once: `node one-invocation.mjs <handler file> <event>`. Writes on stderr, as JSON, what
 * came of it.
 */
import { writeSync } from 'node:fs';

const [file, event] = process.argv.slice(2);
const { handler } = await import(file);
const context = { awsRequestId: 'test', getRemainingTimeInMillis: () => 30_000 };
const written = await handler(JSON.parse(event), context).then(
  ({ outcome }) => ({ outcome }),
  ({ name, message }) => ({ error: { name, message } }),
);
writeSync(2, JSON.stringify(written));
process.exit(0);
