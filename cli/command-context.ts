import type { Client } from '@temporalio/client';
import { createGenerationClient, type GenerationClient } from '../client/index.ts';
import { type Config, readConfig } from '../config/env.ts';
import { loadTemporalSettings, openTemporal } from '../setup/temporal.ts';
import type { Followed } from './printing/error-report.ts';
import { createPrinter, type OutputFormat, type Printer, type Streams } from './printing/printer.ts';
import { shellQuote } from './shell-quote.ts';

/** Generations behind a connection to Temporal. */
export interface ConnectedGenerations {
  generations: GenerationClient;
  client: Client;
  address: string;
}

/** What every command gets. */
export interface CommandContext {
  printer: Printer;
  streams: Streams;
  /** The command line, as a shell takes it once more. */
  commandLine: string;
  /** Aborted once standard output takes nothing more. */
  outputGone: AbortSignal;
  /** The generation that the command has ordered or waits for: named in every failure from the moment it is set. */
  followed?: Followed;
  /** Read when first needed: a command that needs no configuration runs without a valid one. */
  config: () => Config;
  /** Connects to Temporal for the time of a call; where that is impatient, nothing that fails is repeated. */
  withTemporal: <T>(
    use: (connected: ConnectedGenerations) => Promise<T>,
    options?: { isImpatient?: boolean },
  ) => Promise<T>;
}

/** Makes the context of one run of one command. */
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
