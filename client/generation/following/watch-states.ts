import type { Client } from '@temporalio/client';
import { watchChanges, type WatchOptions } from '../../watch-changes.ts';
import { awaitResult } from './await-result.ts';
import { isTerminal } from './phase.ts';
import { readState } from './read-state.ts';
import type { KnownState } from './server-state.ts';

/** Yields a generation's state whenever it has changed, the last time as it ended. */
export function watchStates(
  client: Client,
  key: string,
  runId: string,
  options: WatchOptions = {},
): AsyncGenerator<KnownState, void, undefined> {
  const { patienceMs } = options;
  return watchChanges<KnownState>(
    {
      readState: (signal) => readState(client, key, { signal }),
      isEnd: ({ phase }) => isTerminal(phase),
      awaitEnd: (signal) => awaitResult(client, key, runId, { signal, patienceMs }),
    },
    options,
  );
}
