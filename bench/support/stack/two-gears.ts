import type { WaitingKnowledge } from '../../../activities/waiting/knowledge.ts';

/** A script for reads: one long wait in the queue, one while the work runs, then reads at short intervals. */
export interface TwoGears {
  longMs: number;
  closeMs: number;
  closeReads: number;
}

/** Knowledge that results in the scripted reads. */
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
