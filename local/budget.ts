import type { Metafile } from 'esbuild';

/** The most that an idle beat may load. */
export const IDLE_BEAT_LIMIT_BYTES = 300_000;

/** The bytes of the entry point and of every chunk that it imports before its first line runs. */
export function eagerBytes({ outputs }: Metafile): number {
  const names = new Set(Object.keys(outputs).filter((name) => name.endsWith('/handler.mjs')));
  for (const name of names) {
    for (const { kind, path } of outputs[name]?.imports ?? []) {
      if (kind === 'import-statement' && path in outputs) names.add(path);
    }
  }
  return [...names].reduce((sum, name) => sum + (outputs[name]?.bytes ?? 0), 0);
}
