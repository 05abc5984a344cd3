/**
 * Loads a handler and invokes it again and again: `node warm-invocations.mjs <handler file> <event> <uncounted> <counted>`.
 * Writes on stderr what each counted invocation took, and how much memory the process, as JSON. Plain JavaScript, as what it measures.
 */
import { writeSync } from 'node:fs';

const [file, event, uncounted, counted] = process.argv.slice(2);
const { handler } = await import(file);
const context = { awsRequestId: 'bench', getRemainingTimeInMillis: () => 30_000 };
const invocations = [];
for (let index = -Number(uncounted); index < Number(counted); index += 1) {
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const { outcome } = await handler(JSON.parse(event), context);
  const { user, system } = process.cpuUsage(cpuBefore);
  const wallMs = performance.now() - startedAt;
  if (index >= 0) invocations.push({ outcome, wallMs, cpuMs: (user + system) / 1000 });
}
writeSync(2, JSON.stringify({ invocations, maxRssKiB: process.resourceUsage().maxRSS }));
process.exit(0);
