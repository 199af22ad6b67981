import { LRUCache } from 'lru-cache';

const maxRequests = 100_000;

/** Counts one attempt's GETs. */
export interface AttemptCount {
  /** Adds a GET that is about to be sent. */
  add: () => void;
  /** GETs that the workflow does not know of yet. */
  unreported: () => number;
  /** The same, as part of an answer: the workflow knows of them if it takes that answer. */
  report: () => number;
}

/**
 * Counts status and result GETs exactly. A question says how many its workflow knows of, so that what an earlier attempt
 * read is made up for, whether its answer was taken or dropped (a cancel came in); attempts that failed elsewhere hand
 * their count on in heartbeat details. Only the reads of a worker that was killed are lost.
 */
export interface ReadCounter {
  /** `known`: the workflow's count; left out: all that was reported. `carried`: GETs of this activity's earlier attempts. */
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
