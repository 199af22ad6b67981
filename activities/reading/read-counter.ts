import { LRUCache } from 'lru-cache';

const maxRequests = 100_000;

/** Counts one attempt's GETs. */
export interface AttemptCount {
  /** Adds a GET that is about to be sent. */
  add: () => void;
  /** GETs that the workflow does not know of yet. */
  unreported: () => number;
  /** The same, to be sent with an answer; the GETs then count as reported. */
  report: () => number;
}

/**
 * Counts status and result GETs exactly. Each question says how many GETs its workflow knows of, so that the reads of
 * an earlier attempt are reported even if its answer was dropped (a cancel came in). Attempts that failed on another
 * worker pass their count on in heartbeat details. Only the reads of a worker that was killed are lost.
 */
export interface ReadCounter {
  /**
   * `known`: GETs that the workflow knows of; by default all that were reported. `carried`: GETs of this activity's
   * earlier attempts.
   */
  open: (request: string, known: number | undefined, carried: number) => AttemptCount;
}

export function createReadCounter(): ReadCounter {
  const requests = new LRUCache<string, { sent: number; reported: number }>({ max: maxRequests });
  return {
    open(request, known, carried) {
      const count = requests.get(request) ?? { sent: 0, reported: 0 };
      requests.set(request, count);
      const base = known ?? count.reported;
      count.sent = Math.max(count.sent, base + carried);
      const unreported = () => count.sent - base;
      return {
        add: () => {
          count.sent += 1;
        },
        unreported,
        report: () => {
          count.reported = count.sent;
          return unreported();
        },
      };
    },
  };
}
