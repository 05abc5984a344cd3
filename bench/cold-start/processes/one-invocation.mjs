/**
 * Loads a handler and invokes it once: `node one-invocation.mjs <handler file> <event>`. Says on stderr how much memory
 * the process took at most, in KiB, and how much processor time, in microseconds. Plain JavaScript: stripping types would add
 * to each process measured; and so would an `import` of `node:fs`, which loads file streams and more behind its getters.
 */
const { writeSync } = process.getBuiltinModule('node:fs');

const [file, event = '{}'] = process.argv.slice(2);
if (file !== undefined) {
  const loaded = await import(file);
  const handler = loaded.handler ?? loaded.default.handler;
  await handler(JSON.parse(event), { awsRequestId: 'bench', getRemainingTimeInMillis: () => 30_000 });
}
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
writeSync(2, `maxRSS ${maxRSS}\ncpu ${userCPUTime + systemCPUTime}\n`);
process.exit(0);
