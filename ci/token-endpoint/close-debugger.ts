const LOOK_EVERY_MS = 500;

/**
 * Keeps a debugger closed that NODE_OPTIONS opened, or SIGUSR1 before the first statement: several such signals open it again
 * after it was closed. One of the command line stays: whoever wrote that wants it.
 */
export async function keepDebuggerClosed(): Promise<void> {
  if (!process.features.inspector || process.execArgv.some((option) => option.startsWith('--inspect')))
    return;
  const { url, close } = await import('node:inspector');
  const look = (): void => {
    if (url() !== undefined) close();
  };
  look();
  setInterval(look, LOOK_EVERY_MS).unref();
}
