import { LRUCache } from 'lru-cache';

const maxRequests = 100_000;

/** Counts one attempt's GETs. */
export interface OpenCount {
  /** Adds a GET that is about to be sent. */
  add: () => void;
  /** GETs of this activity so far, those of earlier attempts included. */
  total: () => number;
  /** GETs not reported yet, those of dropped activities of the same request included; they count as reported from now on. */
  report: () => number;
}

/**
 * Counts status and result GETs exactly. What an activity made before it was dropped by its workflow (a cancel came in)
 * is reported by the next activity of the same request in this process; attempts that failed hand their count on in
 * heartbeat details. Only the reads of a worker that was killed are lost.
 */
export interface ReadTally {
  open: (request: string, activityId: string, carried: number) => OpenCount;
}

export function createReadTally(): ReadTally {
  const requests = new LRUCache<string, Map<string, number>>({ max: maxRequests });
  return {
    open(request, activityId, carried) {
      const counts = requests.get(request) ?? new Map<string, number>();
      requests.set(request, counts);
      counts.set(activityId, Math.max(carried, counts.get(activityId) ?? 0));
      const total = () => counts.get(activityId) ?? 0;
      return {
        add: () => counts.set(activityId, total() + 1),
        total,
        report() {
          let sum = 0;
          for (const count of counts.values()) sum += count;
          requests.delete(request);
          counts.clear();
          return sum;
        },
      };
    },
  };
}
