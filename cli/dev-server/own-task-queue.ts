import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * A task queue of its own on a server that the user configured. With a folder, the name is generated once and stored
 * there, so that the next start continues what this one leaves.
 */
export async function ownTaskQueue(keptIn: string | undefined): Promise<string> {
  const drawn = `runcomfy-start-${randomUUID().slice(0, 8)}`;
  if (keptIn === undefined) return drawn;
  const file = path.join(keptIn, 'task-queue');
  const kept = await readFile(file, 'utf8').catch((error: unknown) => {
    // A new name would strand the work on the stored queue.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return '';
  });
  if (/^runcomfy-start-[0-9a-f]{8}$/.test(kept)) return kept;
  await mkdir(keptIn, { recursive: true });
  await writeFile(file, drawn);
  return drawn;
}
