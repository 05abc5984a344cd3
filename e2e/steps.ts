import { styleText } from 'node:util';

/** The printed lines: each step, its result and its duration. */
export interface Steps {
  /** Runs one step. A failure is printed and counted; later steps still run. */
  step(title: string, check: () => Promise<void>): Promise<boolean>;
  heading(text: string): void;
  note(text: string): void;
  /** Prints a gap of the emulator and its workaround; once per text. */
  gap(text: string): void;
  /** Prints the last line. @returns the exit status */
  finish(): number;
}

/** Makes a report that counts from now on. A step that fails because of `interruption` ends everything. */
export function createSteps(write: (line: string) => void, interruption?: AbortSignal): Steps {
  const start = Date.now();
  const gaps = new Set<string>();
  let passed = 0;
  let failed = 0;
  const clock = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`;
  return {
    async step(title, check) {
      const startedAt = Date.now();
      try {
        await check();
        passed += 1;
        write(`${styleText('green', `  ✓ ${title}`)} ${styleText('dim', clock(startedAt))}`);
        return true;
      } catch (error) {
        interruption?.throwIfAborted();
        failed += 1;
        const message = error instanceof Error ? error.message : String(error);
        write(`${styleText('red', `  ✗ ${title}`)} ${styleText('dim', clock(startedAt))}`);
        for (const line of message.split('\n')) write(styleText('red', `      ${line}`));
        return false;
      }
    },
    heading(text) {
      write(`\n${styleText('bold', text)} ${styleText('dim', `(after ${clock(start)})`)}`);
    },
    note(text) {
      write(styleText('dim', `    ${text}`));
    },
    gap(text) {
      if (gaps.has(text)) return;
      gaps.add(text);
      write(styleText('yellow', `    emulator gap: ${text}`));
    },
    finish() {
      const line = `${passed} passed, ${failed} failed`;
      const isGood = failed === 0 && passed > 0;
      write(
        `\n${styleText(['bold', isGood ? 'green' : 'red'], line)} ${styleText('dim', `in ${clock(start)}`)}`,
      );
      return isGood ? 0 : 1;
    },
  };
}
