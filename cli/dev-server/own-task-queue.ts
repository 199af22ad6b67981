import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * A task queue that is nobody else's on a server of the user's. Kept in a folder, it is drawn once: the next start goes on
 * with what this one leaves there.
 */
export async function ownTaskQueue(keptIn: string | undefined): Promise<string> {
  const drawn = `runcomfy-start-${randomUUID().slice(0, 8)}`;
  if (keptIn === undefined) return drawn;
  const file = path.join(keptIn, 'task-queue');
  const kept = await readFile(file, 'utf8').catch((error: unknown) => {
    // Drawn again, it would strand what it was kept for.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return '';
  });
  if (/^runcomfy-start-[0-9a-f]{8}$/.test(kept)) return kept;
  await mkdir(keptIn, { recursive: true });
  await writeFile(file, drawn);
  return drawn;
}
