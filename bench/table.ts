/**
 * Formats rows as a Markdown table with aligned columns: the first to the left, the others to the right. The tables in
 * docs/ are copied from it.
 */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
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
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** Prints such a table, and an empty line. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`${formatTable(head, rows)}\n`);
}
