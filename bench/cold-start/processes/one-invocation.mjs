/**
 * Loads a handler and invokes it once: `node one-invocation.mjs <handler file> <event>`. Says on stderr how much memory
 * the process took at most, in KiB. Plain JavaScript: stripping types would add to each process measured.
 */
import { writeSync } from 'node:fs';

const [file, event = '{}'] = process.argv.slice(2);
if (file !== undefined) {
  const loaded = await import(file);
  const handler = loaded.handler ?? loaded.default.handler;
  await handler(JSON.parse(event), { awsRequestId: 'bench', getRemainingTimeInMillis: () => 30_000 });
}
writeSync(2, `maxRSS ${process.resourceUsage().maxRSS}\n`);
process.exit(0);
