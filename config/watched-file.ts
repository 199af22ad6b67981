import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { messageOf } from '../domain/text.ts';

const lookAgainMs = 1_000;

/**
 * Watches a file of secrets: checks it at most once a second and reads it again when it has changed. The first read
 * throws if something is wrong; if the file turns bad later, the last good content stays in use. `what` names the
 * content in the log.
 */
export async function watchSecretFile<Content>(
  file: string,
  { what, read, log }: { what: string; read: (file: string) => Promise<Content>; log: Logger },
): Promise<() => Promise<Content>> {
  let version = await versionOf(file);
  let content = await read(file);
  let lookedAt = performance.now();
  if (await isReadByOthers(file)) log.warn({ file }, `others can read the file of ${what}: chmod 600`);
  return async () => {
    if (performance.now() - lookedAt < lookAgainMs) return content;
    lookedAt = performance.now();
    try {
      const found = await versionOf(file);
      if (found === version) return content;
      content = await read(file);
      version = found;
      log.info({ file }, `${what} read again`);
    } catch (error) {
      log.error({ file, reason: messageOf(error) }, `the file of ${what} cannot be used: the last good one holds`);
    }
    return content;
  };
}

async function versionOf(file: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  return found === undefined ? '' : `${String(found.mtimeMs)}-${String(found.size)}-${String(found.ino)}`;
}

async function isReadByOthers(file: string): Promise<boolean> {
  return ((await stat(file)).mode & 0o077) !== 0;
}
