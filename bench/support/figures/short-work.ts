import { createRandom } from '../../../simulator/world/random.ts';
import { quantile } from './statistics.ts';

/** Durations of eight jobs from 1.5 to 16 s, in equal ratios. */
const jobs = Array.from({ length: 8 }, (_, index) => 1.5 * (16 / 1.5) ** (index / 7));
/** Each draw changes every duration by up to a fifth, because whether a job ends right after a read is luck. */
const spread = 0.2;
const fixedGapSeconds = 0.5;

/** How well a schedule waits for short work of which nothing is known yet. */
export interface ShortWork {
  /** Seconds between the end of a job and the read that sees it: over all jobs and draws, and in the worst draw. */
  medianDelay: number;
  worstMedianDelay: number;
  /** The number of reads divided by that of a client that reads every half second. */
  shareOfReads: number;
}

/** Runs a schedule over the eight jobs, several times. */
export function waitForShortWork(nextRead: (seconds: number) => number, draws: number, seed: number): ShortWork {
  const delays: number[] = [];
  const medians: number[] = [];
  let [reads, readsOfOther] = [0, 0];
  for (let draw = 0; draw < draws; draw += 1) {
    const random = createRandom(seed, draw);
    const ofDraw = jobs.map((seconds) => {
      const end = seconds * (1 + spread * (2 * random() - 1));
      let at = 0;
      do {
        at = nextRead(at);
        reads += 1;
      } while (at < end);
      readsOfOther += Math.ceil(end / fixedGapSeconds);
      return at - end;
    });
    delays.push(...ofDraw);
    medians.push(quantile(ofDraw, 0.5));
  }
  return {
    medianDelay: quantile(delays, 0.5),
    worstMedianDelay: Math.max(...medians),
    shareOfReads: reads / readsOfOther,
  };
}
