import type { Client } from '@temporalio/client';
import type { GenerationClient } from '../../client/index.ts';
import { createWatcher, type Watcher } from '../following/create-watcher.ts';
import { findPatienceMs, patiently } from './patiently.ts';
import type { GenerationReader, SeenGeneration } from './read-generations.ts';

/** Follows generations on behalf of listeners, through the shared reader. */
export function createGenerationWatcher(
  client: Client,
  generations: GenerationClient,
  reader: GenerationReader,
): Watcher<SeenGeneration> {
  return createWatcher((workflowId) => ({
    readState: () => reader.read(workflowId, 'whole'),
    isEnd: ({ ending }) => ending !== undefined,
    // A state read just before the end is stale now.
    awaitEnd: (stop) =>
      awaitEnd(client, generations, workflowId, stop).finally(() => {
        reader.refresh(workflowId);
      }),
  }));
}

async function awaitEnd(
  client: Client,
  generations: GenerationClient,
  workflowId: string,
  signal: AbortSignal,
): Promise<void> {
  const handle = await patiently(client, findPatienceMs, () => generations.get(workflowId), { signal });
  await handle.result({ signal });
}
