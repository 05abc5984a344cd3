/*
 * The first statements of the program. An older Node.js must parse the whole file (ci/build-token-endpoint.ts sees to
 * that), and reach these before anything that it does not have.
 */
const LEAST_NODE = 20;
if (Number.parseInt(process.versions.node, 10) < LEAST_NODE) {
  const text = `this is Node.js ${process.versions.node}; Node.js ${LEAST_NODE} or later is needed. COMMAND was not run`;
  process.stderr.write(`token-endpoint: ${text}\n`);
  process.exit(2);
}

// By default SIGUSR1 makes Node.js listen for a debugger, which every user of the machine could use.
process.on('SIGUSR1', () => undefined);
// If this program ended, another process could take its port. A log that cannot be written is no reason.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
process.on('uncaughtException', ({ name, code = name }: NodeJS.ErrnoException) => {
  // Not its message, which might quote a value.
  process.stderr.write(`token-endpoint: goes on after an error: ${code}\n`);
});
