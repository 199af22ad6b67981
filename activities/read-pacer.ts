import { setTimeout as sleep } from 'node:timers/promises';
import { RunComfyError } from '../runcomfy/errors.ts';

const defaultBanMs = 1_000;

/** A turn that is further off is left to Temporal's retry: no attempt waits out its own timeout. */
const longestWaitMs = 5_000;

/** Gives the status and result reads of one worker their turns. */
export interface ReadPacer {
  /** Waits for the next turn; throws `RateLimited` where that is far off. */
  takeTurn: () => Promise<void>;
  /** After a 429 all reads wait, for as long as RunComfy asks: the account is meant, not one request. */
  slowDown: (retryAfterMs?: number) => void;
}

/** Paces reads evenly, so that no second sees more than `readsPerSecond`; unset: no limit but RunComfy's own. */
export function createReadPacer(readsPerSecond?: number): ReadPacer {
  const gapMs = readsPerSecond === undefined ? 0 : 1_000 / readsPerSecond;
  let nextAt = 0;
  return {
    async takeTurn() {
      const now = Date.now();
      const waitMs = Math.max(0, nextAt - now);
      if (waitMs > longestWaitMs) {
        throw new RunComfyError('RateLimited', 'The limit on reads leaves no turn soon', { retryAfterMs: waitMs });
      }
      nextAt = now + waitMs + gapMs;
      if (waitMs > 0) await sleep(waitMs);
    },
    slowDown(retryAfterMs = defaultBanMs) {
      nextAt = Math.max(nextAt, Date.now() + retryAfterMs);
    },
  };
}
