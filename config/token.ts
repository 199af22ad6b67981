import { readFile, stat } from 'node:fs/promises';
import { ConfigError } from './config-error.ts';
import { isQuoted, trimValue } from './environment.ts';
import { unreadableFile } from './file-access.ts';

const tokenNames = ['RUNCOMFY_API_TOKEN', 'RUNCOMFY_TOKEN', 'RUNCOMFY_API_KEY'];

/** Where the token comes from. The object holds no token, so it may be logged. */
export interface TokenSetting {
  /** Name of the environment variable. */
  name: string;
  /** A simulator's token (`sim-…`), which guards no money. */
  isSimulated: boolean;
  /** Path of the file, for a `…_FILE` variable. */
  file?: string;
  read: () => Promise<string>;
}

/** Finds the first token variable that is set; adds to `problems` what is wrong with it. */
export function parseToken(env: Record<string, string>, problems: string[]): TokenSetting | undefined {
  for (const name of tokenNames) {
    const value = env[name];
    const fileName = `${name}_FILE`;
    const file = env[fileName];
    if (value && file) problems.push(`${name} and ${fileName} are both set: keep one of them.`);
    if (value) {
      if (!isHeaderSafe(value))
        problems.push(`${name} holds characters that no token has: paste it again, without quotes or line breaks.`);
      return { name, isSimulated: value.startsWith('sim-'), read: () => Promise.resolve(value) };
    }
    if (file) return { name: fileName, isSimulated: false, file, read: createFileReader(fileName, file) };
  }
  return undefined;
}

/** Rejects with a `ConfigError` that says how to set a token. */
export function failForMissingToken(): Promise<string> {
  return Promise.reject(
    new ConfigError([
      `No RunComfy token is set: put it into ${tokenNames[0] ?? ''}, or the path of a file that holds it into ${tokenNames[0] ?? ''}_FILE.`,
    ]),
  );
}

/** Reads the token file again only when it has changed, as it does when a secret is rotated. */
function createFileReader(name: string, file: string): () => Promise<string> {
  let known: { version: string; token: string } | undefined;
  return async () => {
    try {
      const { mtimeMs, size, ino } = await stat(file);
      const version = `${String(mtimeMs)}-${String(size)}-${String(ino)}`;
      if (known?.version !== version)
        known = { version, token: checkFileToken(name, file, await readFile(file, 'utf8')) };
      return known.token;
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      // The variable may hold the token itself, which an error with the file's name would show.
      if (!/[/\\]/.test(file))
        throw new ConfigError([`${name}: expected the path of a file that can be read, with its folder.`]);
      throw unreadableFile(name, `the token file ${file}`, file, error);
    }
  };
}

function checkFileToken(name: string, file: string, text: string): string {
  const token = trimValue(text);
  if (token === '') throw new ConfigError([`${name}: the token file ${file} is empty; put the token into it.`]);
  if (isQuoted(token))
    throw new ConfigError([`${name}: the token in file ${file} has quotes around it; leave them out.`]);
  if (!isHeaderSafe(token))
    throw new ConfigError([`${name}: the token file ${file} holds more than a token; it must be one line.`]);
  return token;
}

function isHeaderSafe(token: string): boolean {
  return /^[\x21-\x7e]+$/.test(token);
}
