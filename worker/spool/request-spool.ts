import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { AcceptedRequest } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import { syncFolder } from './sync-folder.ts';

/** A temporary file this old was left behind by a process that died. */
const abandonedAfterMs = 3_600_000;

/** A request id that Temporal has not taken yet. No input, no token. */
export interface SpooledRequest extends AcceptedRequest {
  workflowId: string;
  /** ISO 8601. */
  acceptedAt: string;
  /** The namespace of the workflow. Missing if the worker could not find out, and in entries of older workers. */
  namespace?: string;
  /** Tells servers apart too: each has its own id for a namespace of the same name. */
  namespaceId?: string;
}

/** Request ids on disk, one file each, so that workers of one machine may share a folder. */
export interface RequestSpool {
  /** Resolves once the entry is on the disk. */
  put: (entry: SpooledRequest) => Promise<void>;
  remove: (entry: SpooledRequest) => Promise<void>;
  list: () => Promise<SpooledRequest[]>;
}

/** The spool below a worker's state folder (`RUNCOMFY_STATE_DIR`). */
export function openRequestSpool(stateDir: string): RequestSpool {
  const folder = path.join(stateDir, 'accepted-requests');
  const fileOf = ({ workflowId, requestId }: SpooledRequest) => {
    const name = createHash('sha256')
      .update(JSON.stringify([workflowId, requestId]))
      .digest('hex')
      .slice(0, 40);
    return path.join(folder, `${name}.json`);
  };
  return {
    async put(entry) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = fileOf(entry);
      const temporary = `${file}.${String(process.pid)}.tmp`;
      try {
        await writeSynced(temporary, JSON.stringify(entry));
        await rename(temporary, file);
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
      }
      await syncFolder(folder);
    },
    async remove(entry) {
      await rm(fileOf(entry), { force: true });
    },
    async list() {
      const names = await readdir(folder).catch(noneIfMissing);
      const entries: SpooledRequest[] = [];
      // One after another, because each call that hangs blocks a thread of the process.
      for (const name of names.filter((each) => each.endsWith('.tmp'))) {
        await removeIfOld(path.join(folder, name)).catch(() => undefined);
      }
      for (const name of names.filter((each) => each.endsWith('.json'))) {
        const entry = await readEntry(path.join(folder, name));
        if (entry) entries.push(entry);
      }
      return entries;
    },
  };
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeIfOld(file: string): Promise<void> {
  const { mtimeMs } = await stat(file);
  if (Date.now() - mtimeMs > abandonedAfterMs) await rm(file, { force: true });
}

async function readEntry(file: string): Promise<SpooledRequest | undefined> {
  try {
    const entry: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isJsonObject(entry)) return undefined;
    const { workflowId, firstExecutionRunId, requestId } = entry;
    const isWhole = [workflowId, firstExecutionRunId, requestId].every((id) => typeof id === 'string' && id !== '');
    return isWhole ? (entry as unknown as SpooledRequest) : undefined;
  } catch {
    return undefined;
  }
}

function noneIfMissing(error: unknown): string[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
  throw error;
}
