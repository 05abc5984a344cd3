/*
 * Loaded first in each process of jest-light-runner. Such a process asks for its data when it gets its first suite. The runner
 * (0.8.2) answers all processes that have a suite as soon as one asks, and each only once: one whose suite comes after the answer
 * would wait for ever. This keeps the answer until it is asked for.
 */
const send = process.send?.bind(process);
if (send !== undefined) {
  let answer: { readonly type?: string } | undefined;
  process.on('message', (message: { readonly type?: string }) => {
    if (message.type === 'jest-light-runner-worker-data') answer = message;
  });
  process.send = (message: unknown) => {
    if (message !== 'jest-light-runner-get-worker-data' || answer === undefined) return send(message);
    process.emit('message', answer, undefined);
    return true;
  };
}

// jest.config.js sets it for these processes, not for the programs that tests start.
const options = process.env.NODE_OPTIONS?.replace(` --import=${import.meta.url}`, '');
if (options) process.env.NODE_OPTIONS = options;
else delete process.env.NODE_OPTIONS;
