/**
 * Loads a handler and invokes it once: `node one-invocation.mjs <handler file> <event>`. Writes on stderr, as JSON, what
 * came of it and which of Node's own modules it made Node load.
 */
import { writeSync } from 'node:fs';

const [file, event] = process.argv.slice(2);
const before = new Set(process.moduleLoadList);
const { handler } = await import(file);
const context = { awsRequestId: 'test', getRemainingTimeInMillis: () => 30_000 };
const written = await handler(JSON.parse(event), context).then(
  ({ outcome }) => ({ outcome }),
  ({ name, message }) => ({ error: { name, message } }),
);
const nodeModules = process.moduleLoadList
  .filter((module) => module.startsWith('NativeModule ') && !before.has(module))
  .map((module) => module.slice('NativeModule '.length));
writeSync(2, JSON.stringify({ ...written, nodeModules }));
process.exit(0);
