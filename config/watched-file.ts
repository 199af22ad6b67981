import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import { messageOf } from '../domain/text.ts';

const lookAgainMs = 1_000;

/**
 * What a file of secrets holds now: looked at once a second at most, read again once it has changed. The first reading
 * throws what is wrong; later, a file that turns bad leaves the last good content. `what` names it in the log.
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
