import { styleText } from 'node:util';

/** Ends the run: a step that fails because of it ends everything. */
export const interruption = new AbortController();

const start = Date.now();
const counts = { passed: 0, failed: 0 };
const clock = (since: number): string => styleText('dim', `${((Date.now() - since) / 1000).toFixed(1)} s`);

/** Runs one step. A failure is printed and counted; later steps still run. @returns whether it passed */
export async function step(title: string, check: () => Promise<unknown>): Promise<boolean> {
  const startedAt = Date.now();
  try {
    await check();
    counts.passed += 1;
    console.log(`${styleText('green', `  ✓ ${title}`)} ${clock(startedAt)}`);
    return true;
  } catch (error) {
    interruption.signal.throwIfAborted();
    counts.failed += 1;
    const message = error instanceof Error ? error.message : String(error);
    console.log(`${styleText('red', `  ✗ ${title}`)} ${clock(startedAt)}`);
    console.log(styleText('red', message.replace(/^/gm, '      ')));
    return false;
  }
}

/** Prints the last line. @returns the exit status */
export function finish(): number {
  const { passed, failed } = counts;
  const isGood = failed === 0 && passed > 0;
  const line = styleText(isGood ? 'green' : 'red', `${passed} passed, ${failed} failed`);
  console.log(`\n${line} ${clock(start)}`);
  return isGood ? 0 : 1;
}
