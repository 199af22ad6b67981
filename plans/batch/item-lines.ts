/** Beside the items, which go as they are. */
const lines = new WeakMap<object, number>();

/** Keeps the line of its file by which an item is told. */
export function keepLine(item: object, line: number): void {
  lines.set(item, line);
}

/** Where somebody finds an item: the line of its file, else its number among the items. */
export function whereIs(item: object | undefined, number: number): string {
  const line = item && lines.get(item);
  return line === undefined ? `item ${String(number)}` : `line ${String(line)}`;
}
