import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TemporalTrouble } from '../figures/fault-rows.ts';

/** How a generation ended, according to the subject. */
export interface CellEnd {
  delivered: boolean;
  outcome: string;
}

/** A program of `bench/peers` that runs generations. */
export interface PeerProcess {
  /** Versions of the software it runs on, apart from its package. */
  about: Record<string, string>;
  run: (base: string, setting: string, trouble?: TemporalTrouble) => Promise<CellEnd>;
  stop: () => Promise<void>;
}

type Message = { ready: true; about: Record<string, string> } | { failed: string } | ({ id: number } & CellEnd);

const startWithinMs = 60_000;

/** Starts a peer; rejects with the reason if it cannot run here. */
export async function startPeer(program: string, args: string[]): Promise<PeerProcess> {
  const script = fileURLToPath(new URL(`../../peers/${program}.mjs`, import.meta.url));
  const child = fork(script, args, { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2_000);
  });
  const ended = once(child, 'exit').then(() => new Error(`its process ended: ${complaint.trim().slice(-300)}`));
  const waiting = new Map<number, (end: CellEnd) => void>();
  const stop = async () => {
    if (child.connected) child.send({ stop: true });
    const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(force);
  };
  const about = await new Promise<Record<string, string>>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`it was not ready within ${String(startWithinMs / 1000)} s: ${complaint.slice(-300)}`));
    }, startWithinMs);
    child.on('message', (message: Message) => {
      if ('ready' in message) resolve(message.about);
      else if ('failed' in message) reject(new Error(message.failed));
      else waiting.get(message.id)?.(message);
    });
    void ended.then(reject);
    void ended.then(() => {
      for (const settle of waiting.values()) settle({ delivered: false, outcome: `its process ended` });
    });
    void ended.finally(() => {
      clearTimeout(timer);
    });
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  let cells = 0;
  return {
    about,
    stop,
    run(base, setting, trouble) {
      const id = (cells += 1);
      return new Promise((resolve) => {
        waiting.set(id, ({ delivered, outcome }) => {
          waiting.delete(id);
          resolve({ delivered, outcome });
        });
        child.send({ id, base, setting, trouble });
      });
    },
  };
}
