import { readFileSync } from 'node:fs';
import type { Edit } from './edited-copy.ts';

/** A guard, and the test that fails without it. */
export interface Threat {
  /** The asset and the attack: who, from where, how. A guard against defects alone has neither. */
  readonly asset?: string;
  readonly attack?: string;
  readonly guard: string;
  /** Removes the guard. */
  readonly edit: Edit;
  /** A suite, or the program of the explorer, which prints the schedule that shows a violation. */
  readonly test: string;
}

/** The guards of threats.json. Those against an attack stand first, in the order of docs/threat-model.md. */
export const THREATS: readonly Threat[] = JSON.parse(
  readFileSync(new URL('threats.json', import.meta.url), 'utf8'),
);

/** The mutants of one file, and the suites that must kill them. Each edit is a text of the file and its replacement. */
interface Mutated {
  readonly file: string;
  readonly suites: readonly string[];
  readonly edits: readonly (readonly [from: string, to: string])[];
}

const mutated: readonly Mutated[] = JSON.parse(
  readFileSync(new URL('mutants.json', import.meta.url), 'utf8'),
);

/** The small faults of mutants.json. */
export const MUTANTS = mutated.flatMap(({ file, suites, edits }) =>
  edits.map(([from, to]) => ({
    name: `${file}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`,
    edit: { file, from, to },
    suites,
  })),
);

/** The table of docs/threat-model.md. */
export function threatTable(): string {
  const rows = THREATS.filter(({ attack }) => attack !== undefined).map(
    ({ asset, attack, guard, edit: { file }, test }, index) =>
      [String(index + 1), asset, attack, guard, `\`${file}\``, `\`${test}\``].join(' | '),
  );
  const head = [
    '',
    'asset',
    'attacker, from where, how',
    'guard',
    'where it is',
    'the test that fails without it',
  ];
  return [head.join(' | '), head.map(() => '---').join(' | '), ...rows].map((row) => `| ${row} |`).join('\n');
}
