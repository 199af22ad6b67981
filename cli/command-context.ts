import { connectGenerations } from '../client/index.ts';
import type { ConnectedGenerations } from '../client/index.ts';
import { createEncryptionCodec } from '../codec/index.ts';
import { readCodecKeys } from '../config/codec-keys.ts';
import { readConfig } from '../config/env.ts';
import type { Config } from '../config/env.ts';
import { loadTemporalConnection } from '../config/temporal.ts';

import { createPrinter } from './printer.ts';
import type { OutputFormat, Printer, Streams } from './printer.ts';

/** What every command gets. */
export interface CommandContext {
  printer: Printer;
  streams: Streams;
  /** Read when first needed: a command that needs no configuration runs without a valid one. */
  config: () => Config;
  /** Connects to Temporal for the time of a call. */
  withTemporal: <T>(use: (connected: ConnectedGenerations) => Promise<T>) => Promise<T>;
}

/** Makes the context of one run of one command. */
export function createContext(streams: Streams, format: OutputFormat | undefined): CommandContext {
  let config: Config | undefined;
  const getConfig = () => (config ??= readConfig());
  return {
    printer: createPrinter(streams, format),
    streams,
    config: getConfig,
    async withTemporal(use) {
      const { taskQueue } = getConfig();
      const keys = await readCodecKeys(getConfig());
      const dataConverter = keys && { payloadCodecs: [createEncryptionCodec(keys)] };
      const connected = await connectGenerations({ ...loadTemporalConnection(), taskQueue, dataConverter });
      try {
        return await use(connected);
      } finally {
        await connected.close();
      }
    },
  };
}
