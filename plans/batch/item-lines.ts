/** Line numbers of items, kept apart from the items, which are sent unchanged. */
const lines = new WeakMap<object, number>();

/** Remembers the line that an item was read from. */
export function keepLine(item: object, line: number): void {
  lines.set(item, line);
}

/** The place of an item in messages: its line in the file, else its number. */
export function whereIs(item: object | undefined, number: number): string {
  const line = item && lines.get(item);
  return line === undefined ? `item ${String(number)}` : `line ${String(line)}`;
}
