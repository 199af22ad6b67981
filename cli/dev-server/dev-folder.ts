import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirOfUser } from '../../config/cache-dir.ts';
import { packageDir } from '../manifest.ts';

/** Where the local server's program and data are kept: `.cache` of a clone, else the user's own cache. */
export function devFolder(): string {
  const isClone = existsSync(join(packageDir(), 'cli', 'main.ts'));
  return isClone ? join(packageDir(), '.cache') : cacheDirOfUser();
}
