/** One of several lines of live progress. */
export interface ProgressRow {
  id: string;
  line: string;
  /** What the line is worth being shown again for, where lines stay. */
  mark: string;
  /** Nothing happens there now: left out first where a terminal has not lines enough. */
  isIdle: boolean;
}

/** Keeps of rows that come again and again those whose mark is a new one. */
export function createRowFilter(): (rows: ProgressRow[]) => ProgressRow[] {
  const marks = new Map<string, string>();
  return (rows) => {
    const changed = rows.filter(({ id, mark }) => marks.get(id) !== mark);
    for (const { id, mark } of changed) marks.set(id, mark);
    return changed;
  };
}

/** As many lines as a terminal has: what rests is counted instead, then what is left over. */
export function foldRows(rows: ProgressRow[], most: number): string[] {
  const lines = (some: ProgressRow[]) => some.map(({ line }) => line);
  const limit = Math.max(most, 2);
  if (rows.length <= limit) return lines(rows);
  const busy = rows.filter(({ isIdle }) => !isIdle).slice(0, limit - 1);
  return [...lines(busy), `… and ${String(rows.length - busy.length)} more`];
}
