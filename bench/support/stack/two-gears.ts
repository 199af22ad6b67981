import type { WaitingKnowledge } from '../../../activities/waiting/knowledge.ts';

/** Reads by a script: one long wait in the queue, one while the work runs, then close reads. */
export interface TwoGears {
  longMs: number;
  closeMs: number;
  closeReads: number;
}

/** Knowledge that leads to reads as scripted. */
export function createTwoGears({ longMs, closeMs }: TwoGears): WaitingKnowledge {
  return {
    learn: () => undefined,
    knowsWell: () => false,
    learnQueueMove: () => undefined,
    likelyEndInMs: () => 0,
    expectedEndInMs: () => undefined,
    nextReadInMs({ waited, running }) {
      const isInLongWait = running === undefined ? waited < 1 : running * 1_000 < longMs;
      return isInLongWait ? longMs : closeMs;
    },
  };
}
