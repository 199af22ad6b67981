import type { BatchHandle } from '../../../client/index.ts';
import { say } from '../stack/stack.ts';

/** The number of batch states read on the way, and how many of them had counts that did not add up. */
export interface Samples {
  count: number;
  wrong: number;
}

/** Reads a state and returns how many items have ended; undefined if no worker or server answers. */
export async function sample(batch: BatchHandle, seen: Samples): Promise<number | undefined> {
  const state = await batch.state().catch(() => undefined);
  if (state === undefined || state.isFromServer) return undefined;
  const { total, ...parts } = state.counts;
  const { waiting, inFlight } = parts;
  const ended = total - waiting - inFlight;
  seen.count += 1;
  if (Object.values(parts).reduce((sum, part) => sum + part, 0) !== total) seen.wrong += 1;
  if (seen.count % 10 === 0) {
    say(
      `${state.phase}: ${String(ended)} of ${String(total)} ended, ${String(inFlight)} in flight, ${String(waiting)} wait`,
    );
  }
  return ended;
}
