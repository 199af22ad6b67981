import type { PacerClock } from '../../../activities/submitting/submit-pacer.ts';

/** A clock that jumps to the next due time. */
export interface VirtualClock extends PacerClock {
  sleep: (ms: number) => Promise<void>;
  /** Advances the clock until the promise has settled. */
  runUntil: (done: Promise<unknown>) => Promise<void>;
}

interface Due {
  at: number;
  run: () => void;
}

/** Rounds of promise callbacks between two due times, since callbacks lead to further ones. */
const callbacksBetween = 20;

export function createVirtualClock(): VirtualClock {
  let now = 0;
  /** Latest first. */
  const dues: Due[] = [];
  const after = (ms: number, run: () => void) => {
    const due = { at: now + Math.max(0, ms), run };
    dues.splice(placeOf(due.at), 0, due);
    return () => {
      due.run = () => undefined;
    };
  };
  /** The index in front of everything due at this time or sooner, so that the new entry runs after those. */
  const placeOf = (at: number) => {
    let [low, high] = [0, dues.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((dues[middle]?.at ?? 0) > at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    now: () => now,
    after,
    sleep: (ms) => new Promise((resolve) => void after(ms, resolve)),
    async runUntil(done) {
      const progress = { isOver: false };
      void done.then(() => (progress.isOver = true));
      for (;;) {
        for (let count = 0; count < callbacksBetween; count += 1) await Promise.resolve();
        const due = progress.isOver ? undefined : dues.pop();
        if (!due) return;
        now = due.at;
        due.run();
      }
    },
  };
}
