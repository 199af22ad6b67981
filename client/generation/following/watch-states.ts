import type { Client } from '@temporalio/client';
import { watchChanges, type WatchOptions } from '../../watch-changes.ts';
import type { FoundRun } from '../run-info.ts';
import { awaitResult } from './await-result.ts';
import { isTerminal } from './phase.ts';
import { readState } from './read-state.ts';
import type { KnownState } from './server-state.ts';
import { createWatchTeller } from './tell-watched.ts';

/** How a generation is watched. */
export interface GenerationWatchOptions extends WatchOptions {
  /**
   * A person watches, who wants the end at once: as long as this lasts the status is read as preset `interactive` has it,
   * unless the order says what a read is worth.
   */
  isPerson?: boolean;
}

/** Yields a generation's state whenever it has changed, the last time as it ended. */
export function watchStates(
  client: Client,
  run: FoundRun,
  options: GenerationWatchOptions = {},
): AsyncGenerator<KnownState, void, undefined> {
  const { key } = run;
  const { patienceMs, isPerson } = options;
  const tellWatched = createWatchTeller(client, key);
  return watchChanges<KnownState>(
    {
      readState: async (signal) => {
        const state = await readState(client, key, { signal });
        if (isPerson) await tellWatched(state);
        return state;
      },
      isEnd: ({ phase }) => isTerminal(phase),
      awaitEnd: (signal) => awaitResult(client, run, { signal, patienceMs }),
    },
    options,
  );
}
