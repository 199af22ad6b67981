import { randomUUID } from 'node:crypto';
import { chmod, chown, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { ConfigError } from '../../config/config-error.ts';
import { unreadableFile, unwritableFile } from '../../config/file-access.ts';
import { watchSecretFile } from '../../config/watched-file.ts';
import { type KeyRecord, parseKeyRecords } from './key-records.ts';

const variable = 'RUNCOMFY_GATEWAY_KEYS_FILE';
/** A change takes milliseconds, so a lock that is still there after all these looks has been left behind. */
const [looks, lookAgainMs] = [60, 50];

/** Reads the key file once; throws a `ConfigError` that lists every problem. */
export async function readKeyFile(file: string): Promise<KeyRecord[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadableFile(variable, `the key file ${file}`, file, error);
  });
  const parsed = parseKeyRecords(text);
  if ('records' in parsed) return parsed.records;
  throw new ConfigError(parsed.problems.map((problem) => `${variable}: in ${file}, ${problem}.`));
}

/**
 * The records in `RUNCOMFY_GATEWAY_KEYS`, whose value has the content of a key file; throws a `ConfigError` that lists
 * every problem.
 */
export function readKeysValue(text: string, file: string | undefined): KeyRecord[] {
  const parsed = parseKeyRecords(text);
  const problems = 'records' in parsed ? [] : parsed.problems.map((problem) => `RUNCOMFY_GATEWAY_KEYS: ${problem}.`);
  if (file !== undefined) problems.push(`RUNCOMFY_GATEWAY_KEYS and ${variable} are both set: leave one out.`);
  if ('records' in parsed && problems.length === 0) return parsed.records;
  throw new ConfigError(problems);
}

/** Changes the key file, one change at a time: of two concurrent changes, the later would undo the earlier. */
export async function changeKeyFile(named: string, change: () => Promise<readonly KeyRecord[]>): Promise<void> {
  // Follows a link: replacing the link itself would leave the file that gateways read unchanged.
  const file = await realpath(named).catch(() => named);
  const lock = `${file}.lock`;
  await takeLock(lock, file);
  try {
    await writeKeyFile(file, await change());
  } finally {
    await rm(lock, { force: true });
  }
}

async function takeLock(lock: string, file: string): Promise<void> {
  for (let look = 1; ; look += 1) {
    try {
      // Left empty: on a full disk, a file with content could not be written, but the lock would be there.
      await (await open(lock, 'wx', 0o600)).close();
      return;
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      if (!isTaken) throw unwritableFile(variable, file, error);
    }
    if (look > looks) {
      const sentence = `${file} is being changed by another command, says ${lock}: if none runs, remove that file.`;
      throw new ConfigError([`${variable}: ${sentence}`]);
    }
    await sleep(lookAgainMs);
  }
}

/** Replaces the key file atomically. Its owner stays the same and is the only one who may read it. */
async function writeKeyFile(file: string, records: readonly KeyRecord[]): Promise<void> {
  const beside = `${file}.${randomUUID()}`;
  try {
    await writeFile(beside, `${JSON.stringify({ keys: records }, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' });
    await chmod(beside, 0o600);
    const before = await stat(file).catch(() => undefined);
    if (before !== undefined && before.uid !== (await stat(beside)).uid) {
      await chown(beside, before.uid, before.gid).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error;
        const sentence = `${file} is as it was, and belongs to user ${String(before.uid)}: run this as that user or as root.`;
        throw new ConfigError([`${variable}: ${sentence}`]);
      });
    }
    await rename(beside, file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw unwritableFile(variable, file, error);
  } finally {
    await rm(beside, { force: true });
  }
}

/** Watches the key file; the function returns its current records. */
export async function watchKeyFile(file: string, log: Logger): Promise<() => Promise<KeyRecord[]>> {
  return await watchSecretFile(file, { what: 'API keys', read: readKeyFile, log });
}
