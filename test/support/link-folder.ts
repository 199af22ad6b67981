import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Creates a copy of a folder, with hard links if the system supports them, which takes a tenth of the time for some ten
 * thousand files. Only for files that nobody modifies in place.
 */
export async function linkFolder(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  await run('cp', ['-alT', from, to]).catch(() =>
    // The target is on another file system, or this `cp` lacks the options.
    cp(from, to, { recursive: true, verbatimSymlinks: true }),
  );
}
