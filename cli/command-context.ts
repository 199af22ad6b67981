import type { Client } from '@temporalio/client';
import { createGenerationClient, type GenerationClient } from '../client/index.ts';
import { type Config, readConfig } from '../config/env.ts';
import { loadTemporalSettings, openTemporal } from '../setup/temporal.ts';
import type { Followed } from './printing/error-report.ts';
import { createPrinter, type OutputFormat, type Printer, type Streams } from './printing/printer.ts';
import { shellQuote } from './shell-quote.ts';

/** Generations, on an open connection to Temporal. */
export interface ConnectedGenerations {
  generations: GenerationClient;
  client: Client;
  address: string;
}

/** What every command receives. */
export interface CommandContext {
  printer: Printer;
  streams: Streams;
  /** The command line, quoted for reuse in a shell. */
  commandLine: string;
  /** Aborted once standard output accepts nothing more. */
  outputGone: AbortSignal;
  /** The generation that the command has ordered or waits for. Once set, every failure names it. */
  followed?: Followed;
  /** Read on first use, so that a command without need for configuration runs even if it is invalid. */
  config: () => Config;
  /** Connects to Temporal for the duration of `use`. With `isImpatient`, failed calls are not retried. */
  withTemporal: <T>(
    use: (connected: ConnectedGenerations) => Promise<T>,
    options?: { isImpatient?: boolean },
  ) => Promise<T>;
}

/** Creates the context for one run of a command. */
export function createContext(
  streams: Streams,
  format: OutputFormat | undefined,
  { argv, outputGone }: { argv: readonly string[]; outputGone: AbortSignal },
): CommandContext {
  let config: Config | undefined;
  const getConfig = () => (config ??= readConfig());
  return {
    printer: createPrinter(streams, format),
    streams,
    commandLine: ['runcomfy-temporal', ...argv].map(shellQuote).join(' '),
    outputGone,
    config: getConfig,
    async withTemporal(use, options) {
      const { taskQueue, modelApiBase } = getConfig();
      const { client, address, close } = await openTemporal(await loadTemporalSettings(getConfig()), options);
      try {
        return await use({ generations: createGenerationClient({ client, taskQueue, modelApiBase }), client, address });
      } finally {
        await close();
      }
    },
  };
}
