/** Places that are taken in turn, so that only so many work at once. */
export interface Slots {
  take: () => Promise<void>;
  give: () => void;
  /** Whether somebody waits. */
  isCrowded: () => boolean;
  /** Lets everybody in: those who wait have nothing left to do but to see that all is over. */
  open: () => void;
}

/** Makes so many places. */
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
