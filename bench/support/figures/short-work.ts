import { createRandom } from '../../../simulator/world/random.ts';
import { quantile } from './statistics.ts';

/** Eight jobs from 1.5 to 16 s, each so many times the one before it. */
const jobs = Array.from({ length: 8 }, (_, index) => 1.5 * (16 / 1.5) ** (index / 7));
/** Which job ends right after a read is luck: each draw moves all of them by up to a fifth. */
const spread = 0.2;
const fixedGapSeconds = 0.5;

/** How short work of which nothing is known yet is waited for. */
export interface ShortWork {
  /** Between the end of a job and the read that sees it, seconds: over all jobs and draws, and of the worst draw. */
  medianDelay: number;
  worstMedianDelay: number;
  /** Reads ÷ those of a client that reads every half second. */
  shareOfReads: number;
}

/** Lets a schedule wait for the eight jobs, several times. */
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
