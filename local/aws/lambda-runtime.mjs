/**
 * Runs inside the function's process: loads the handler, then runs the invocations that its parent sends, one after the
 * other. Started by function-process.ts as `node lambda-runtime.mjs <handler file>`.
 *
 * Plain JavaScript: stripping types would add 50 ms to every cold start, a third of the bundle's own.
 */
const [handlerFile] = process.argv.slice(2);
const { handler } = await import(handlerFile);

process.on('message', async ({ event, context, timeoutMs }) => {
  // The process's own clock, even where a test has replaced Date.
  const deadlineMs = performance.now() + timeoutMs;
  const getRemainingTimeInMillis = () => Math.max(0, Math.floor(deadlineMs - performance.now()));
  try {
    const payload = await handler(event, { ...context, getRemainingTimeInMillis });
    process.send({ payload: payload ?? null });
  } catch (error) {
    process.send({ failure: describeError(error) });
  }
});
process.on('disconnect', () => process.exit());

function describeError(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}
