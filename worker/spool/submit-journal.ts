import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { isJsonObject } from '../../domain/json.ts';
import { isRequestId } from '../../domain/request.ts';
import { syncFolder } from './sync-folder.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** As long as our compose file keeps runs: a run that Temporal has deleted cannot be reset. */
const keptDays = 30;

/** Enough for more than a million orders. Beyond it, the oldest days are deleted first. */
const maxTotalBytes = 512 * 1024 * 1024;

/** A look-up reads one file of each day, so the files are kept short. */
const filesPerDay = 16;

/** All runs of one generation, across continuations, retries and resets. */
export interface Chain {
  workflowId: string;
  firstExecutionRunId: string;
}

/** A submit that RunComfy accepted. No input, no token. */
export interface AcceptedSubmitEntry extends Chain {
  requestId: string;
  /** ISO 8601. */
  acceptedAt: string;
  /** For people who read the file; missing if the worker could not find out. */
  namespace?: string;
  namespaceId?: string;
}

/** Accepted submits on disk, in case Temporal forgets one through a reset or a restored database backup. */
export interface SubmitJournal {
  /** Resolves once the entry is on the disk. */
  append: (entry: AcceptedSubmitEntry) => Promise<void>;
  /** The first accepted submit of a chain. */
  find: (chain: Chain) => Promise<AcceptedSubmitEntry | undefined>;
}

export interface SubmitJournalOptions {
  now?: () => number;
  maxBytes?: number;
}

/** The journal below a worker's state folder (`RUNCOMFY_STATE_DIR`); several workers of one machine may share it. */
export function openSubmitJournal(
  stateDir: string,
  { now = Date.now, maxBytes = maxTotalBytes }: SubmitJournalOptions = {},
): SubmitJournal {
  const folder = path.join(stateDir, 'accepted-submits');
  let prunedDay = '';

  return {
    async append(entry) {
      const day = dayOf(now());
      if (day !== prunedDay) {
        // Writing the entry matters more than freeing space, so a failed prune is ignored.
        const oldest = dayOf(now() - keptDays * dayMs);
        await prune(folder, { today: day, oldest, maxBytes }).catch(() => undefined);
        prunedDay = day;
      }
      const dayFolder = path.join(folder, day);
      await mkdir(dayFolder, { recursive: true, mode: 0o700 });
      const file = await open(path.join(dayFolder, fileNameOf(entry)), 'a', 0o600);
      try {
        const { size } = await file.stat();
        // The leading line break keeps this line intact if the line before it was torn.
        await file.appendFile(`\n${JSON.stringify(entry)}\n`);
        await file.datasync();
        if (size > 0) return;
        await syncFolder(dayFolder);
        await syncFolder(folder);
      } finally {
        await file.close();
      }
    },
    async find(chain) {
      const oldest = dayOf(now() - keptDays * dayMs);
      for (const day of await daysIn(folder)) {
        if (day < oldest) continue;
        const text = await readFile(path.join(folder, day, fileNameOf(chain)), 'utf8').catch(ignoreMissing);
        const found = text === undefined ? undefined : findLine(text, chain);
        if (found) return found;
      }
      return undefined;
    },
  };
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function fileNameOf({ workflowId, firstExecutionRunId }: Chain): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([workflowId, firstExecutionRunId]))
    .digest();
  return `${((digest[0] ?? 0) % filesPerDay).toString(16)}.jsonl`;
}

/** Oldest first. */
async function daysIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(ignoreMissing)) ?? [];
  return names.filter((name) => /^\d{4}-\d{2}-\d{2}$/.test(name)).sort();
}

function findLine(text: string, { workflowId, firstExecutionRunId }: Chain): AcceptedSubmitEntry | undefined {
  const mark = JSON.stringify(firstExecutionRunId);
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
    const end = text.indexOf('\n', at);
    const entry = parseLine(text.slice(text.lastIndexOf('\n', at) + 1, end < 0 ? text.length : end));
    if (entry?.workflowId === workflowId && entry.firstExecutionRunId === firstExecutionRunId) return entry;
  }
  return undefined;
}

/** Undefined for a line that a crash left torn. */
function parseLine(line: string): AcceptedSubmitEntry | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    if (!isJsonObject(entry) || !isRequestId(entry['requestId'])) return undefined;
    const isDated = typeof entry['acceptedAt'] === 'string' && !Number.isNaN(Date.parse(entry['acceptedAt']));
    return isDated ? (entry as unknown as AcceptedSubmitEntry) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Before the first entry of `today`, deletes at most one day that is before `oldest`. Then deletes the oldest days
 * until at most `maxBytes` are left, but never the newest day.
 */
async function prune(
  folder: string,
  { today, oldest, maxBytes }: { today: string; oldest: string; maxBytes: number },
): Promise<void> {
  const days = await daysIn(folder);
  const sizes: number[] = [];
  for (const day of days) sizes.push(await bytesIn(path.join(folder, day)));
  let total = sizes.reduce((sum, bytes) => sum + bytes, 0);
  for (const [index, day] of days.entries()) {
    const isNewest = index === days.length - 1;
    // If the clock runs ahead for a while, all days look old; so at most one is deleted for each one added.
    const isForgotten = index === 0 && day < oldest && !days.includes(today);
    if (!isForgotten && (isNewest || total <= maxBytes)) return;
    await rm(path.join(folder, day), { recursive: true, force: true });
    total -= sizes[index] ?? 0;
  }
}

async function bytesIn(folder: string): Promise<number> {
  const names = (await readdir(folder).catch(ignoreMissing)) ?? [];
  let total = 0;
  for (const name of names) total += (await stat(path.join(folder, name)).catch(ignoreMissing))?.size ?? 0;
  return total;
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
