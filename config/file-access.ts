import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config-error.ts';

const refusals = ['EACCES', 'EPERM', 'EROFS'];

/** Says why a file named by a variable cannot be read. If permissions are the reason, the sentence names the user. */
export function unreadableFile(variable: string, what: string, file: string, error: unknown): ConfigError {
  const code = codeOf(error);
  const why = refusals.includes(code)
    ? `by ${currentUser()} (${code}); let that user read it, for instance with \`chown ${String(process.geteuid?.() ?? '')} ${file}\``
    : `(${code}); check its path and its permissions`;
  return new ConfigError([`${variable}: ${what} cannot be read ${why}.`]);
}

/** Says that a file could not be replaced and is unchanged. */
export function unwritableFile(variable: string, file: string, error: unknown): ConfigError {
  const why = `(${codeOf(error)}); check the permissions of its folder, and the room on its disk`;
  return new ConfigError([`${variable}: ${currentUser()} cannot replace ${file}, which is as it was ${why}.`]);
}

/** Creates a folder if it is missing and tries to write to it. Throws a `ConfigError` that ends with `advice`. */
export async function prepareWritableFolder(folder: string, advice: string): Promise<void> {
  const probe = join(folder, `.${randomUUID()}.probe`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, '', { flag: 'wx' });
  } catch (error) {
    throw new ConfigError([`${currentUser()} cannot write to the folder ${folder} (${codeOf(error)}): ${advice}.`]);
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}

/** The user this process runs as: the uid that files are owned by, and the name if there is one. */
function currentUser(): string {
  const uid = process.geteuid?.();
  const name = nameOfUser();
  if (uid === undefined) return `user ${name ?? 'of this process'}`;
  return name === undefined ? `user ${String(uid)}` : `user ${String(uid)} (${name})`;
}

/** Node throws for a user without a passwd entry, as there may be in a container. */
function nameOfUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}
