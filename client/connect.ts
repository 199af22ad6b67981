import { Client, Connection } from '@temporalio/client';
import type { ConnectionOptions } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';

import { toClientError, unreachable } from './errors.ts';
import { createGenerationClient } from './generation/generation-client.ts';
import type { GenerationClient } from './generation/generation-client.ts';

export interface ConnectOptions {
  connectionOptions: ConnectionOptions & { address: string };
  namespace: string;
  taskQueue?: string | undefined;
  /** The same as the workers have. */
  dataConverter?: DataConverter | undefined;
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
  dataConverter,
}: ConnectOptions): Promise<ConnectedGenerations> {
  const connection = await Connection.connect(connectionOptions).catch((error: unknown) => {
    const named = toClientError(error, '');
    throw named === error ? unreachable(connectionOptions.address, error) : named;
  });
  const client = new Client({ connection, namespace, ...(dataConverter && { dataConverter }) });
  return { generations: createGenerationClient({ client, taskQueue }), client, close: () => connection.close() };
}
