/**
 * Prints rows as a Markdown table with aligned columns, and an empty line: the first column to the left, the others to the
 * right. The tables in docs/ are copied from it.
 */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) => {
    const padded = widths.map((width, column) =>
      column === 0 ? (cells[column] ?? '').padEnd(width) : (cells[column] ?? '').padStart(width),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  console.log(`${[line(head), line(rule), ...rows.map(line)].join('\n')}\n`);
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
