import { randomUUID } from 'node:crypto';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { ConfigError } from '../../config/config-error.ts';
import { unreadableFile, unwritableFile } from '../../config/file-access.ts';
import { watchSecretFile } from '../../config/watched-file.ts';
import { type KeyRecord, parseKeyRecords } from './key-records.ts';

const variable = 'RUNCOMFY_GATEWAY_KEYS_FILE';

/** Reads the key file once; a `ConfigError` lists every problem. */
export async function readKeyFile(file: string): Promise<KeyRecord[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadableFile(variable, `the key file ${file}`, file, error);
  });
  const parsed = parseKeyRecords(text);
  if ('records' in parsed) return parsed.records;
  throw new ConfigError(parsed.problems.map((problem) => `${variable}: in ${file}, ${problem}.`));
}

/** The records of `RUNCOMFY_GATEWAY_KEYS`, the same document as a value; a `ConfigError` lists every problem. */
export function readKeysValue(text: string, file: string | undefined): KeyRecord[] {
  const parsed = parseKeyRecords(text);
  const problems = 'records' in parsed ? [] : parsed.problems.map((problem) => `RUNCOMFY_GATEWAY_KEYS: ${problem}.`);
  if (file !== undefined) problems.push(`RUNCOMFY_GATEWAY_KEYS and ${variable} are both set: leave one out.`);
  if ('records' in parsed && problems.length === 0) return parsed.records;
  throw new ConfigError(problems);
}

/** Replaces the key file as a whole; only its owner may read it. */
export async function writeKeyFile(file: string, records: readonly KeyRecord[]): Promise<void> {
  const beside = `${file}.${randomUUID()}`;
  try {
    await writeFile(beside, `${JSON.stringify({ keys: records }, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' });
    await chmod(beside, 0o600);
    await rename(beside, file);
  } catch (error) {
    throw unwritableFile(variable, file, error);
  } finally {
    await rm(beside, { force: true });
  }
}

/** The records as the file has them now. */
export async function watchKeyFile(file: string, log: Logger): Promise<() => Promise<KeyRecord[]>> {
  return await watchSecretFile(file, { what: 'API keys', read: readKeyFile, log });
}
