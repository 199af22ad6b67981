import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import type { Config } from './env.ts';
import { trimValue } from './environment.ts';
import { unreadableFile } from './file-access.ts';

const keyFile = z.strictObject({ activeKeyId: z.string(), keys: z.record(z.string(), z.string()) });

/** The keys of the payload codec, in base64, as in the file named by `RUNCOMFY_CODEC_KEYS_FILE`. */
export type CodecKeys = z.infer<typeof keyFile>;

/** Reads the keys; undefined when no file is named. No message holds a key. */
export async function readCodecKeys({ codecKeysFile }: Config): Promise<CodecKeys | undefined> {
  if (codecKeysFile === undefined) return undefined;
  const refuse = (why: string) => new ConfigError([`RUNCOMFY_CODEC_KEYS_FILE: ${codecKeysFile} ${why}.`]);
  const text = await readFile(codecKeysFile, 'utf8').catch((error: unknown) => {
    throw unreadableFile('RUNCOMFY_CODEC_KEYS_FILE', codecKeysFile, codecKeysFile, error);
  });
  let json: unknown;
  try {
    json = JSON.parse(trimValue(text));
  } catch {
    throw refuse('is not JSON');
  }
  const parsed = keyFile.safeParse(json);
  if (!parsed.success) throw refuse('must hold { "activeKeyId": "<id>", "keys": { "<id>": "<32 bytes in base64>" } }');
  return parsed.data;
}
