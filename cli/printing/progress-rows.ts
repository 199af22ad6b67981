/** One of several lines of live progress. */
export interface ProgressRow {
  id: string;
  line: string;
  /** The line is shown again when this changes, where lines are not replaced. */
  mark: string;
  /** Nothing is happening in this row, so it is left out first if the terminal has too few lines. */
  isIdle: boolean;
}

/** Creates a filter that keeps only rows whose mark has changed since they were last passed to it. */
export function createRowFilter(): (rows: ProgressRow[]) => ProgressRow[] {
  const marks = new Map<string, string>();
  return (rows) => {
    const changed = rows.filter(({ id, mark }) => marks.get(id) !== mark);
    for (const { id, mark } of changed) marks.set(id, mark);
    return changed;
  };
}

/** Fits rows to the lines of a terminal: idle rows, and then those left over, are only counted. */
export function foldRows(rows: ProgressRow[], most: number): string[] {
  const lines = (some: ProgressRow[]) => some.map(({ line }) => line);
  const limit = Math.max(most, 2);
  if (rows.length <= limit) return lines(rows);
  const busy = rows.filter(({ isIdle }) => !isIdle).slice(0, limit - 1);
  return [...lines(busy), `… and ${String(rows.length - busy.length)} more`];
}
