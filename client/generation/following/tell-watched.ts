import type { Client } from '@temporalio/client';
import { nudgeSignal, watchSignal } from '../../../workflows/generation/messages.ts';
import { isTerminal } from './phase.ts';
import type { KnownState } from './server-state.ts';

/** Sent again after this long: the generation forgets that it is watched after a minute. */
const tellAgainAfterMs = 40_000;
/** A read that is due within this time needs no nudge. */
const soonMs = 2_000;

/**
 * Makes a function that tells a generation, at each look at its state, that a person watches. The first time it also
 * triggers a read, if the next one is far off.
 */
export function createWatchTeller(client: Client, key: string): (state: KnownState) => Promise<void> {
  let toldAt: number | undefined;
  return async (state) => {
    const isDue = toldAt === undefined || performance.now() - toldAt > tellAgainAfterMs;
    // Without a worker the signals would only pile up.
    if (!isDue || isTerminal(state.phase) || state.isFromServer) return;
    const isFirst = toldAt === undefined;
    toldAt = performance.now();
    const handle = client.workflow.getHandle(key);
    try {
      await handle.signal(watchSignal);
      if (isFirst && isReadFarOff(state)) await handle.signal(nudgeSignal);
    } catch {
      // A courtesy: whoever watches sees all the same what there is to see.
    }
  };
}

/**
 * Whether the next read is far off. `nextReadAt` is missing while an activity reads by itself, at the pace it was given
 * at its start.
 */
function isReadFarOff({ phase, nextReadAt }: KnownState): boolean {
  if (phase !== 'in_queue' && phase !== 'in_progress') return false;
  return nextReadAt === undefined || Date.parse(nextReadAt) - Date.now() > soonMs;
}
