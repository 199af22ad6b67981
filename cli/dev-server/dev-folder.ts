import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirOfUser } from '../../config/cache-dir.ts';
import { packageDir } from '../manifest.ts';

/** The folder for the local server's program and data: `.cache` in a clone, otherwise the user's cache folder. */
export function devFolder(): string {
  const isClone = existsSync(join(packageDir(), 'cli', 'main.ts'));
  return isClone ? join(packageDir(), '.cache') : cacheDirOfUser();
}
