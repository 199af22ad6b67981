import type { PayloadCodec } from '@temporalio/common';
import { createEncryptionCodec, EncryptionError } from '../codec/index.ts';
import { readCodecKeys } from '../config/codec-keys.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/env.ts';

/** The codec for the key file named by the configuration; undefined if payloads are not encrypted. */
export async function loadPayloadCodec(config: Config): Promise<PayloadCodec | undefined> {
  const keys = await readCodecKeys(config);
  if (keys === undefined) return undefined;
  try {
    return createEncryptionCodec(keys);
  } catch (error) {
    if (error instanceof EncryptionError) throw new ConfigError([`RUNCOMFY_CODEC_KEYS_FILE: ${error.message}`]);
    throw error;
  }
}
