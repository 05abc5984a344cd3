import { styleText } from 'node:util';

type Mark = 'mint' | 'read' | 'fault' | 'action' | 'note' | 'bad';

const MARKS: Record<Mark, { sign: string; style: Parameters<typeof styleText>[0] }> = {
  mint: { sign: '●', style: 'green' },
  read: { sign: '→', style: 'cyan' },
  fault: { sign: '✗', style: 'yellow' },
  action: { sign: '▶', style: 'magenta' },
  note: { sign: ' ', style: 'dim' },
  bad: { sign: '✗', style: 'red' },
};

/** The printed lines: minutes on the demonstration's clock, and what happened, in colour if the terminal supports it. */
export interface Timeline {
  say(mark: Mark, text: string): void;
  heading(text: string): void;
}

/** Makes a timeline that counts minutes from now on. */
export function createTimeline(options: {
  readonly now: () => Date;
  readonly write: (line: string) => void;
}): Timeline {
  const { now, write } = options;
  const start = now().getTime();
  return {
    say(mark, text) {
      const minutes = (now().getTime() - start) / 60_000;
      const { sign, style } = MARKS[mark];
      write(
        `${styleText('dim', `${minutes.toFixed(1).padStart(6)} min`)}  ${styleText(style, `${sign} ${text}`)}`,
      );
    },
    heading(text) {
      write(`\n${styleText('bold', text)}`);
    },
  };
}
