import type { Client } from '@temporalio/client';
import { nudgeSignal, watchSignal } from '../../../workflows/generation/messages.ts';
import { isTerminal } from './phase.ts';
import type { KnownState } from './server-state.ts';

/** Before the generation forgets it, after a minute. */
const tellAgainAfterMs = 40_000;
/** A read that comes sooner is worth no nudge. */
const soonMs = 2_000;

/** Tells a generation, with each look at it, that a person watches; a read that is far off comes now, once. */
export function createWatchTeller(client: Client, key: string): (state: KnownState) => Promise<void> {
  let toldAt: number | undefined;
  return async (state) => {
    const isDue = toldAt === undefined || performance.now() - toldAt > tellAgainAfterMs;
    // What no worker hears would only pile up.
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

/** No time is told while one activity reads on, as its question said when it began. */
function isReadFarOff({ phase, nextReadAt }: KnownState): boolean {
  if (phase !== 'in_queue' && phase !== 'in_progress') return false;
  return nextReadAt === undefined || Date.parse(nextReadAt) - Date.now() > soonMs;
}
