/** A clock that jumps from one thing that is due to the next. */
export interface VirtualTime {
  now: number;
  /** Has something happen after so many milliseconds. */
  after: (ms: number, run: () => void | Promise<void>) => void;
  /** Lets things happen in the order of their times, until there are none or `isOver` says so. */
  run: (isOver?: () => boolean) => Promise<void>;
  /** A number from 0 to below 1, the same for the same seed. */
  random: () => number;
}

const longestMs = 400 * 24 * 60 * 60 * 1000;

export function createVirtualTime(seed: number, start = Date.UTC(2026, 10, 1)): VirtualTime {
  const due: { at: number; order: number; run: () => void | Promise<void> }[] = [];
  let scheduled = 0;
  let state = seed >>> 0;
  const time: VirtualTime = {
    now: start,
    after(ms, run) {
      scheduled += 1;
      due.push({ at: time.now + Math.max(0, Math.round(ms)), order: scheduled, run });
    },
    async run(isOver = () => false) {
      while (!isOver()) {
        // What was begun without a timer, as activities are, ends before time goes on.
        await settled();
        const next = due.reduce<(typeof due)[number] | undefined>(
          (first, each) =>
            first && (first.at < each.at || (first.at === each.at && first.order < each.order)) ? first : each,
          undefined,
        );
        if (next === undefined) return;
        due.splice(due.indexOf(next), 1);
        time.now = Math.max(time.now, next.at);
        if (time.now - start > longestMs) throw new Error('nothing has come to an end within a year');
        await next.run();
      }
    },
    random() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
  return time;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
