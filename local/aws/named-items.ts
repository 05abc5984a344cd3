/** Items by name, and their state before the last write, which an eventually consistent read may see. */
export interface NamedItems<T> {
  items(): ReadonlyMap<string, T>;
  /** The state that a read sees: the present one, or (`stale`) the one before the last write. */
  view(options: { readonly stale: boolean }): ReadonlyMap<string, T>;
  set(item: T): void;
  remove(name: string): void;
}

/** Makes an empty collection. */
export function createNamedItems<T extends { readonly name: string }>(): NamedItems<T> {
  let current: ReadonlyMap<string, T> = new Map();
  let previous = current;
  const write = (change: (next: Map<string, T>) => void): void => {
    const next = new Map(current);
    change(next);
    previous = current;
    current = next;
  };
  return {
    items: () => current,
    view: ({ stale }) => (stale ? previous : current),
    set: (item) => write((next) => next.set(item.name, item)),
    remove: (name) => write((next) => next.delete(name)),
  };
}
