/** Writes a value for a message: cut at 60 characters, without the password of a URL. */
export function show(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/\s]*@/g, '//…@');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** `; did you mean "region"?` if a choice is at most two edits away, or is the only one that begins so; else empty. */
export function didYouMean(word: string, choices: readonly string[]): string {
  const close = nearest(word, choices);
  const isClose = close !== undefined && editDistance(word.toLowerCase(), close.toLowerCase()) <= 2;
  const longer = choices.filter((one) => word.length >= 3 && one.startsWith(word.toLowerCase()));
  const choice = isClose ? close : longer.length === 1 ? longer[0] : undefined;
  return choice === undefined ? '' : `; did you mean "${choice}"?`;
}

/** The choice with the fewest edits; undefined if there are no choices. */
export function nearest(word: string, choices: readonly string[]): string | undefined {
  return choices
    .map((choice) => ({ choice, distance: editDistance(word.toLowerCase(), choice.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0]?.choice;
}

/** The number of letters to insert, delete, replace or swap with the next one. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = isSwapped ? (beforeLast[j - 2] ?? 0) + 1 : replaced;
      row.push(Math.min(replaced, swapped, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
