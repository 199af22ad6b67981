import type { FinishedWork } from '../../../domain/waiting.ts';
import type { Random } from '../../../simulator/world/random.ts';
import { lognormal, mixture, type Truth } from './truths.ts';

/** What a worker saw before twenty pieces of the true work. The cost is that of the work that follows. */
interface Trouble {
  truth: Truth;
  before: (random: Random) => Seen[];
  after: (random: Random) => Seen;
}

/** The course of one piece of work, as a worker learns it. */
export type Seen = Pick<FinishedWork, 'totalMs' | 'workMs' | 'queueMs' | 'isWorkUnknown' | 'hasFailed'>;

const seenBefore = 60;
/** Pieces of the true work seen after the trouble. */
export const seenAfter = 20;
const clip = lognormal(50, 0.3);
const early = lognormal(3, 0.3);
/** Work that took this long, without a queue. */
export const seen = (seconds: number, more: Partial<Seen> = {}): Seen => ({ totalMs: seconds * 1_000, ...more });
const many = (draw: () => Seen) => Array.from({ length: seenBefore }, draw);

/** Misleading histories, and the work that follows them. */
export const troubles: Record<string, Trouble> = {
  'after a batch that queued': {
    truth: clip,
    before: (random) =>
      many(() => {
        const [workMs, queueMs] = [clip.draw(random) * 1_000, 600_000 * random()];
        return { totalMs: queueMs + workMs, queueMs, isWorkUnknown: true };
      }),
    after: (random) => seen(clip.draw(random)),
  },
  'after an incident': {
    truth: clip,
    before: (random) => many(() => seen(10 * clip.draw(random))),
    after: (random) => seen(clip.draw(random)),
  },
  '5 % early failures': {
    truth: mixture(early, clip, 0.05),
    before: (random) => many(() => ordinary(random)),
    after: (random) => ordinary(random),
  },
};

function ordinary(random: Random): Seen {
  return random() < 0.05 ? seen(early.draw(random), { hasFailed: true }) : seen(clip.draw(random));
}
