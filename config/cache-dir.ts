import { join, resolve } from 'node:path';
import { ConfigError } from './config-error.ts';

/**
 * The cache folder of an installed package, for files that can be downloaded again: below `XDG_CACHE_HOME`, else
 * `HOME`.
 */
export function cacheDirOfUser(env: NodeJS.ProcessEnv = process.env): string {
  const given = env['XDG_CACHE_HOME']?.trim();
  if (given) return resolve(given, 'runcomfy-temporal');
  const home = (env['HOME'] ?? env['USERPROFILE'])?.trim();
  if (home) return join(home, '.cache', 'runcomfy-temporal');
  throw new ConfigError(['There is no folder for the local server: set XDG_CACHE_HOME, or HOME.']);
}
