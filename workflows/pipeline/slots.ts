/** Slots that are taken in turn, to limit how many work at the same time. */
export interface Slots {
  take: () => Promise<void>;
  give: () => void;
  /** Whether anyone waits for a slot. */
  isCrowded: () => boolean;
  /** Lets everyone in: those who wait only have to see that all is over. */
  open: () => void;
}

/** Creates `count` slots. */
export function createSlots(count: number): Slots {
  let free = count;
  let isOpen = false;
  const waiting: (() => void)[] = [];
  return {
    take() {
      if (isOpen) return Promise.resolve();
      if (free > 0) {
        free -= 1;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    give() {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    },
    isCrowded: () => waiting.length > 0,
    open() {
      isOpen = true;
      for (const next of waiting.splice(0)) next();
    },
  };
}
