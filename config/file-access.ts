import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config-error.ts';

const refusals = ['EACCES', 'EPERM', 'EROFS'];

/** Why a file that a variable names cannot be read: where rights are the reason, the sentence names the user. */
export function unreadableFile(variable: string, what: string, file: string, error: unknown): ConfigError {
  const code = codeOf(error);
  const why = refusals.includes(code)
    ? `by ${currentUser()} (${code}); let that user read it, for instance with \`chown ${String(process.geteuid?.() ?? '')} ${file}\``
    : `(${code}); check its path and its permissions`;
  return new ConfigError([`${variable}: ${what} cannot be read ${why}.`]);
}

/** A file that could not be replaced, and is as it was before. */
export function unwritableFile(variable: string, file: string, error: unknown): ConfigError {
  const why = `(${codeOf(error)}); check the permissions of its folder, and the room on its disk`;
  return new ConfigError([`${variable}: ${currentUser()} cannot replace ${file}, which is as it was ${why}.`]);
}

/** Makes a folder where it is missing and tries to write into it; what stands in the way is told with `advice`. */
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

/** Who this process runs as: the number that files are owned by, and the name where there is one. */
function currentUser(): string {
  const uid = process.geteuid?.();
  const name = nameOfUser();
  if (uid === undefined) return `user ${name ?? 'of this process'}`;
  return name === undefined ? `user ${String(uid)}` : `user ${String(uid)} (${name})`;
}

/** A container's user may have no entry in the list of users: Node throws then. */
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
