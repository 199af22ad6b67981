import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';

/** Persists the simulator's state as appended JSON lines. A later line about the same thing wins. */
export interface Journal {
  /** With `sync`, the record is on the disk before this returns. */
  append: (record: object, options?: { sync: boolean }) => void;
  /** Replaces the whole journal with these records. */
  rewrite: (records: Iterable<object>) => void;
  close: () => void;
}

/** Reads a journal. If a crash cut off the last line, that line is dropped. */
export function readJournal(path: string): Record<string, unknown>[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const lines = text.split('\n');
  const last = lines.pop();
  const records = lines.map((line, index) => parseLine(line, path, index + 1));
  if (last !== undefined && last !== '') {
    try {
      records.push(JSON.parse(last) as Record<string, unknown>);
    } catch {
      return records;
    }
  }
  return records;
}

export function openJournal(path: string): Journal {
  let file = openSync(path, 'a');
  let isClosed = false;

  return {
    append(record, options) {
      if (isClosed) return;
      writeSync(file, `${JSON.stringify(record)}\n`);
      if (options?.sync === true) fsyncSync(file);
    },
    rewrite(records) {
      const fresh = `${path}.new`;
      const lines = Array.from(records, (record) => `${JSON.stringify(record)}\n`);
      writeFileSync(fresh, lines.join(''), { flush: true });
      renameSync(fresh, path);
      closeSync(file);
      file = openSync(path, 'a');
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      closeSync(file);
    },
  };
}

/** A journal that keeps nothing. */
export function noJournal(): Journal {
  return { append: () => undefined, rewrite: () => undefined, close: () => undefined };
}

function parseLine(line: string, path: string, number: number): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch (cause) {
    throw new Error(
      `The simulator's state file ${path} is damaged in line ${String(number)}; delete it to start afresh.`,
      {
        cause,
      },
    );
  }
}
