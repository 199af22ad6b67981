import type { BatchHandle } from '../../../client/index.ts';
import { say } from '../stack/stack.ts';

/** States of a batch that were read on its way, and those of them whose counts did not add up. */
export interface Samples {
  count: number;
  wrong: number;
}

/** Reads a state, and gives how many items have ended; undefined where no worker or no server answers. */
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
