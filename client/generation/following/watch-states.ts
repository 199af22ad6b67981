import type { Client } from '@temporalio/client';
import { watchChanges, type WatchOptions } from '../../watch-changes.ts';
import type { FoundRun } from '../run-info.ts';
import { awaitResult } from './await-result.ts';
import { isTerminal } from './phase.ts';
import { readState } from './read-state.ts';
import type { KnownState } from './server-state.ts';
import { createWatchTeller } from './tell-watched.ts';

/** Options of watching a generation. */
export interface GenerationWatchOptions extends WatchOptions {
  /**
   * A person watches and wants the end at once: while this lasts the status is read as often as with preset
   * `interactive`, unless the order has `waiting` options of its own.
   */
  isPerson?: boolean;
}

/** Yields a generation's state whenever it has changed, and last the state at its end. */
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
