import { spawnSync } from 'node:child_process';

/** The supported shells of the script, as commands. */
export const SHELLS: readonly (readonly string[])[] = [
  ['dash'],
  ['bash'],
  ['bash', '--posix'],
  ['busybox', 'sh'],
  ['ksh'],
  ['zsh'],
];

/** @throws Error naming a shell that the machine lacks: nothing is skipped silently */
export function requireShells(): void {
  for (const [command] of SHELLS) {
    if (spawnSync(command as string, ['-c', ':'].slice(command === 'busybox' ? 2 : 0)).error) {
      throw new Error(`${command} is missing. Run .ci/install-shell-tools.sh first.`);
    }
  }
}
