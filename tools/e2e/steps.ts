import { styleText } from 'node:util';

/** The printed lines: each step, its result and its duration. */
export interface Steps {
  /** Runs one step. A failure is printed and counted; later steps still run. @returns whether it passed */
  step(title: string, check: () => Promise<void>): Promise<boolean>;
  heading(text: string): void;
  note(text: string): void;
  /** Prints the last line. @returns the exit status */
  finish(): number;
}

/** Makes a report that counts from now on. A step that fails because of `interruption` ends everything. */
export function createSteps(interruption: AbortSignal): Steps {
  const start = Date.now();
  let passed = 0;
  let failed = 0;
  const clock = (since: number): string => styleText('dim', `${((Date.now() - since) / 1000).toFixed(1)} s`);
  return {
    async step(title, check) {
      const startedAt = Date.now();
      try {
        await check();
        passed += 1;
        console.log(`${styleText('green', `  ✓ ${title}`)} ${clock(startedAt)}`);
        return true;
      } catch (error) {
        interruption.throwIfAborted();
        failed += 1;
        const message = error instanceof Error ? error.message : String(error);
        console.log(`${styleText('red', `  ✗ ${title}`)} ${clock(startedAt)}`);
        console.log(styleText('red', message.replace(/^/gm, '      ')));
        return false;
      }
    },
    heading: (text) => console.log(`\n${styleText('bold', text)}`),
    note: (text) => console.log(styleText('dim', `    ${text}`)),
    finish() {
      const isGood = failed === 0 && passed > 0;
      const line = styleText(isGood ? 'green' : 'red', `${passed} passed, ${failed} failed`);
      console.log(`\n${line} ${clock(start)}`);
      return isGood ? 0 : 1;
    },
  };
}
