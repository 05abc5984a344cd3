import { BEAT_MS } from '../../lambda/contract.ts';
import { createWindows } from './windows.ts';
import type { World } from './world.ts';

/** Makes a world with only the given faults: a beat each minute, on time, from `firstBeatAt`. */
export function createQuietWorld(
  options: Pick<World, 'lifetimeMs' | 'spanMs'> & Partial<World> & { readonly firstBeatAt?: number },
): World {
  const { firstBeatAt = 0, ...given } = options;
  const beats = Math.ceil((given.spanMs - firstBeatAt) / BEAT_MS);
  return {
    server: { kind: 'plain', idleTimeoutMs: null },
    endpoint: createWindows([]),
    slow: createWindows([]),
    parameterStore: createWindows([]),
    clockSteps: createWindows([]),
    secretChanges: [],
    coldStarts: [],
    beats: Float64Array.from({ length: beats }, (_, index) => firstBeatAt + index * BEAT_MS),
    ...given,
  };
}
