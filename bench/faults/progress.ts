import { Presets, SingleBar } from 'cli-progress';

/** Shows a bar on stderr where that is a terminal. */
export function startProgress(total: number): { step(what: string): void; stop(): void } {
  const bar = new SingleBar(
    { format: '{bar} {value}/{total} faults, {eta_formatted} left | {what}', hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(total, 0, { what: '' });
  return {
    step: (what) => bar.increment({ what }),
    stop: () => bar.stop(),
  };
}
