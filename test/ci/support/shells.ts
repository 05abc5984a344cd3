import { spawnSync } from 'node:child_process';

/** The supported shells of the script, as commands. The first three run every case of every suite. */
export const ALL_SHELLS = ['dash', 'bash', 'busybox sh', 'bash --posix', 'ksh', 'zsh'].map((name) => ({
  name,
  shell: name.split(' '),
}));

/** Whether every case runs under all shells, as `npm run prove -- shells` has it. */
export const EVERYTHING = process.env.ALL_SHELLS === '1';

export const SHELLS = EVERYTHING ? ALL_SHELLS : ALL_SHELLS.slice(0, 3);

/** @throws Error naming a shell that the machine lacks: nothing is skipped silently */
export function requireShells(): void {
  for (const {
    shell: [command = '', ...options],
  } of ALL_SHELLS) {
    if (spawnSync(command, [...options.slice(0, 1), '-c', ':']).error)
      throw new Error(`${command} is missing. Run .ci/install-shell-tools.sh first.`);
  }
}
