import { Client, Connection } from '@temporalio/client';
import type { ConnectionOptions } from '@temporalio/client';

import { toClientError, unreachable } from './errors.ts';
import { createGenerationClient } from './generation-client.ts';
import type { GenerationClient } from './generation-client.ts';

export interface ConnectOptions {
  connectionOptions: ConnectionOptions & { address: string };
  namespace: string;
  taskQueue?: string | undefined;
}

/** A generation client with a connection of its own. */
export interface ConnectedGenerations {
  generations: GenerationClient;
  client: Client;
  close: () => Promise<void>;
}

/** Connects to Temporal; `TemporalUnreachable` names the address that gave no answer. */
export async function connectGenerations({
  connectionOptions,
  namespace,
  taskQueue,
}: ConnectOptions): Promise<ConnectedGenerations> {
  const connection = await Connection.connect(connectionOptions).catch((error: unknown) => {
    const named = toClientError(error, '');
    throw named === error ? unreachable(connectionOptions.address, error) : named;
  });
  const client = new Client({ connection, namespace });
  return { generations: createGenerationClient({ client, taskQueue }), client, close: () => connection.close() };
}
