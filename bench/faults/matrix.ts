import { styleText } from 'node:util';
import { isLoss } from './run-scenario.ts';
import type { Verdict } from './scenario.ts';

const COLUMNS = [
  '',
  'fault',
  'stored',
  'the beat answers',
  'readers',
  'least left',
  'replaced by',
  'healed after',
];

/** Prints the matrix: one line per fault, what is not as promised under it, and the sum. Tells whether all is well. */
export function printMatrix(verdicts: readonly Verdict[], write: (line: string) => void): boolean {
  const rows = verdicts.map(cells);
  const widths = COLUMNS.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  write(styleText('bold', line(COLUMNS)));
  verdicts.forEach(({ problems }, index) => {
    write(styleText(problems.length === 0 ? 'reset' : 'red', line(rows[index] ?? [])));
    for (const problem of problems) write(styleText('red', `     ${problem}`));
  });
  const lost = verdicts.filter(({ problems }) => problems.length > 0).length;
  const sum = (count: (verdict: Verdict) => number) =>
    verdicts.reduce((total, verdict) => total + count(verdict), 0);
  write('');
  write(
    `${lost === 0 ? '✓' : '✗'} ${verdicts.length} faults, ${verdicts.length - lost} as promised; ` +
      `${sum(({ reads }) => reads)} reads, ${sum(({ badReads }) => badReads)} without a live token though there had been one`,
  );
  return lost === 0;
}

function cells({ scenario, answer, reads, badReads, leastRemainingMs, worse, ...rest }: Verdict): string[] {
  const { group, fault, before = 'due', takesTokenAway = false } = scenario;
  const gap = takesTokenAway ? ', gap till then' : '';
  return [
    rest.problems.length === 0 ? '✓' : '✗',
    `${group}: ${fault}`,
    before,
    answer,
    badReads === 0 ? `✓ ${reads}${gap}` : `✗ ${badReads} of ${reads}`,
    leastRemainingMs === undefined ? '-' : `${(leastRemainingMs / 60_000).toFixed(1)} min`,
    worse === undefined
      ? '✓ better'
      : `${isLoss(worse) ? '✗' : '✓'} -${seconds(worse.byMs)} for ${seconds(worse.forMs)}`,
    rest.healedAfter === undefined ? '✗ never' : beats(rest.healedAfter),
  ];
}

function seconds(ms: number): string {
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : 'good';
}

function beats(count: number): string {
  return count === 0 ? 'at once' : `${count} beat${count === 1 ? '' : 's'}`;
}
