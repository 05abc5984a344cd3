/**
 * Loads a handler and invokes it: `node invocations.mjs <handler file> <event> <count>`. Writes on stderr, as JSON, what each
 * invocation took in milliseconds, and how much memory the process took at most, in KiB. Plain JavaScript: stripping types would
 * add to the process measured, and so would an `import` of `node:fs`.
 */
const { writeSync } = process.getBuiltinModule('node:fs');

const [file, event, count] = process.argv.slice(2);
const { handler } = await import(file);
const context = { awsRequestId: 'bench', getRemainingTimeInMillis: () => 30_000 };
const invocations = [];
for (let index = 0; index < Number(count); index += 1) {
  const startedAt = performance.now();
  const { outcome } = await handler(JSON.parse(event), context);
  invocations.push({ outcome, wallMs: performance.now() - startedAt });
}
writeSync(2, JSON.stringify({ invocations, maxRssKiB: process.resourceUsage().maxRSS }));
process.exit(0);
