import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FileIdentity } from './item-source.ts';

/**
 * Holds a file for one use of it, on this machine, until what it gives is called; undefined where another process holds it. By a
 * socket: that of a process that was killed answers nobody, where a lock file would stay and be in the way.
 */
export async function holdFile({ dev, ino }: FileIdentity, use: string): Promise<(() => void) | undefined> {
  const name = createHash('sha256')
    .update(JSON.stringify([dev, ino, use]))
    .digest('hex')
    .slice(0, 32);
  const address = path.join(tmpdir(), `runcomfy-${name}.sock`);
  let server = await listenAt(address);
  if (!server) {
    if (await isAnswered(address)) return undefined;
    await rm(address, { force: true }).catch(() => undefined);
    server = await listenAt(address);
  }
  // Where no socket can be made, as in a folder that nobody may write to, nothing is held: the file may be had all the same.
  return () => void server?.close();
}

async function listenAt(address: string): Promise<Server | undefined> {
  const server = createServer((visitor) => visitor.destroy()).unref();
  const listening = once(server, 'listening');
  // A visitor who cannot be let in, as where too many files are open, is no failure of who holds.
  server.on('error', () => undefined).listen(address);
  return await listening.then(
    () => server,
    () => undefined,
  );
}

async function isAnswered(address: string): Promise<boolean> {
  const visit = connect(address);
  return await once(visit, 'connect')
    .then(
      () => true,
      () => false,
    )
    .finally(() => visit.destroy());
}
