import type { Step } from '../api/call.ts';

/** The number of calls, by kind. */
export interface TrafficCounts {
  submits: number;
  statusReads: number;
  resultReads: number;
  cancels: number;
  catalogueReads: number;
  balanceReads: number;
  fileReads: number;
  /** Downloads that carried a token, which they should not. */
  fileReadsWithToken: number;
}

/** The calls of each step in one second. */
export type TrafficSecond = { second: number } & Partial<Record<Step, number>>;

export interface Traffic {
  readonly counts: TrafficCounts;
  count: (step: Step, atMs: number, hasToken: boolean) => void;
  /** Calls per second of wall-clock time, oldest first. A day of them is kept. */
  seconds: () => TrafficSecond[];
  clear: () => void;
}

const keptSeconds = 86_400;
const countNames = {
  submit: 'submits',
  status: 'statusReads',
  result: 'resultReads',
  cancel: 'cancels',
  catalogue: 'catalogueReads',
  balance: 'balanceReads',
  file: 'fileReads',
} as const satisfies Record<Step, keyof TrafficCounts>;

export function createTraffic(): Traffic {
  const counts = noTraffic();
  const bySecond = new Map<number, TrafficSecond>();

  return {
    counts,
    count(step, atMs, hasToken) {
      counts[countNames[step]] += 1;
      if (step === 'file' && hasToken) counts.fileReadsWithToken += 1;
      const second = Math.floor(atMs / 1000);
      let bucket = bySecond.get(second);
      if (bucket === undefined) {
        bucket = { second };
        bySecond.set(second, bucket);
        const [oldest] = bySecond.keys();
        if (bySecond.size > keptSeconds && oldest !== undefined) bySecond.delete(oldest);
      }
      bucket[step] = (bucket[step] ?? 0) + 1;
    },
    seconds: () => [...bySecond.values()],
    clear() {
      Object.assign(counts, noTraffic());
      bySecond.clear();
    },
  };
}

function noTraffic(): TrafficCounts {
  return {
    submits: 0,
    statusReads: 0,
    resultReads: 0,
    cancels: 0,
    catalogueReads: 0,
    balanceReads: 0,
    fileReads: 0,
    fileReadsWithToken: 0,
  };
}
