import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FileIdentity } from './item-source.ts';

/**
 * Locks a file for one use on this machine, until the returned function is called; undefined if another process holds
 * it. Uses a socket, since that of a killed process answers nobody, whereas a lock file would stay and block others.
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
  // If no socket can be created, for instance in a read-only folder, nothing is locked and the file may be used all the
  // same.
  return () => void server?.close();
}

async function listenAt(address: string): Promise<Server | undefined> {
  const server = createServer((visitor) => visitor.destroy()).unref();
  const listening = once(server, 'listening');
  // A connection that cannot be accepted, for instance with too many open files, must not fail the holder.
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
