import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWaitingKnowledge, type WaitingKnowledge } from '../../../../activities/waiting/knowledge.ts';
import type { FinishedWork } from '../../../../domain/waiting.ts';

const model = 'kling/kling-3.0/standard/image-to-video';
const hourMs = 3_600_000;

/** How a piece of work goes, seconds. */
interface Truth {
  queue: number;
  run: number;
  /** Of the queue, where RunComfy tells it. */
  positionAt?: (waited: number) => number;
}

function noticedLate(waiting: WaitingKnowledge, truth: Truth, secondsPerRead: number): number {
  return watch(waiting, truth, secondsPerRead).late;
}

/** How late its end is noticed, seconds, and by how many reads, where each read comes when it is planned. */
function watch(waiting: WaitingKnowledge, { queue, run, positionAt }: Truth, secondsPerRead: number) {
  const end = queue + run;
  let [now, lastQueued] = [0, 0];
  let started: number | undefined;
  let nextMs = waiting.nextReadInMs({ model, workKey: model, waited: 0, secondsPerRead });
  for (let reads = 1; reads < 100_000; reads += 1) {
    now += nextMs / 1_000;
    if (now >= end) return { late: now - end, reads };
    const isQueueing = now < queue;
    const runningAtMost = now - lastQueued;
    if (isQueueing) lastQueued = now;
    else started ??= now;
    nextMs = waiting.nextReadInMs({
      model,
      workKey: model,
      waited: now,
      secondsPerRead,
      isQueueing,
      runningAtMost,
      running: started === undefined ? undefined : now - started,
      queuePosition: isQueueing ? positionAt?.(now) : undefined,
    });
  }
  return { late: Infinity, reads: Infinity };
}

const durationMs = () => fc.double({ min: 0, max: Math.log(24 * hourMs), noNaN: true }).map((log) => Math.exp(log));
const seconds = () => durationMs().map((ms) => ms / 1_000);
const finishedWork: fc.Arbitrary<FinishedWork> = fc
  .record({
    queueMs: fc.option(durationMs()),
    runMs: fc.option(durationMs()),
    more: durationMs(),
    hasFailed: fc.boolean(),
  })
  .map(({ queueMs, runMs, more, hasFailed }) => ({
    workKey: model,
    model,
    totalMs: (queueMs ?? 0) + (runMs ?? more),
    ...(queueMs !== null && { queueMs }),
    ...(runMs !== null && { runMs }),
    hasFailed,
  }));
/** Series of alike work, as an incident or a batch leaves them, or of work that is all different. */
const history = fc.oneof(
  fc.array(finishedWork, { maxLength: 60 }),
  fc
    .array(fc.tuple(finishedWork, fc.nat({ max: 40 })), { maxLength: 4 })
    .map((series) => series.flatMap(([work, count]) => Array.from({ length: count }, () => work))),
);
const worth = fc.double({ min: 0.01, max: 30, noNaN: true });

function knowing(works: readonly FinishedWork[]): WaitingKnowledge {
  const waiting = createWaitingKnowledge();
  for (const work of works) waiting.learn(work);
  return waiting;
}

describe('the end of work', () => {
  it('is noticed within 40 s or the time it took, whatever was learned before and whatever it does', () => {
    fc.assert(
      fc.property(history, seconds(), fc.option(seconds()), worth, (works, run, queue, secondsPerRead) => {
        const late = noticedLate(knowing(works), { queue: queue ?? 0, run }, secondsPerRead);
        expect(late).toBeLessThanOrEqual(Math.max(40, (queue ?? 0) + run));
      }),
      { numRuns: 40 },
    );
  });

  it('is noticed so whatever RunComfy says of the queue', () => {
    fc.assert(
      fc.property(
        history,
        seconds(),
        seconds(),
        worth,
        fc.nat({ max: 1_000_000 }),
        seconds(),
        (works, run, queue, secondsPerRead, position, pace) => {
          const waiting = knowing(works);
          waiting.learnQueueMove({ model, places: 1, seconds: pace });
          const late = noticedLate(waiting, { queue, run, positionAt: () => position }, secondsPerRead);
          expect(late).toBeLessThanOrEqual(Math.max(40, queue + run));
        },
      ),
      { numRuns: 10 },
    );
  });

  it('costs few reads although RunComfy says all day that the work comes next', () => {
    const momentary = { workKey: model, model, totalMs: 1, queueMs: 0, runMs: 1 };
    for (const queueMs of [0, 1_000]) {
      const waiting = knowing(Array.from({ length: 40 }, () => ({ ...momentary, queueMs, totalMs: queueMs + 1 })));
      for (let count = 0; count < 50; count += 1) waiting.learnQueueMove({ model, places: 1, seconds: 0.001 });
      for (const positionAt of [() => 0, undefined]) {
        const { late, reads } = watch(waiting, { queue: 86_400, run: 1, ...(positionAt && { positionAt }) }, 0.5);
        expect(late).toBeLessThanOrEqual(86_400 / 4);
        expect(reads).toBeLessThanOrEqual(800);
      }
    }
  });

  it('is noticed soon after a batch that queued, however short the work', () => {
    const batch = Array.from({ length: 100 }, (_, index) => {
      const queueMs = index * 100_000;
      return { workKey: model, model, totalMs: queueMs + 150_000, queueMs, runMs: 150_000 };
    });
    expect(noticedLate(knowing(batch), { queue: 0, run: 2 }, 0.5)).toBeLessThanOrEqual(39);
    expect(noticedLate(knowing(batch), { queue: 0, run: 150 }, 0.5)).toBeLessThan(10);
    expect(noticedLate(knowing(batch), { queue: 300, run: 150 }, 0.5)).toBeLessThan(60);
  });

  it('is noticed soon again after an incident', () => {
    const [usual, stuck] = [400_000, 4 * hourMs].map((totalMs) => ({ workKey: model, model, totalMs }));
    const series = (work = usual, count = 0) => Array.from({ length: count }, (_, index) => spread(work, index));
    const spread = (work = usual, index = 0) => ({
      workKey: model,
      model,
      totalMs: (work?.totalMs ?? 0) * (0.9 + (index % 11) / 50),
    });
    const after = (count: number) => knowing([...series(usual, 60), ...series(stuck, 60), ...series(usual, count)]);
    expect(noticedLate(after(0), { queue: 0, run: 400 }, 0.5)).toBeLessThanOrEqual(400);
    expect(noticedLate(after(8), { queue: 0, run: 400 }, 0.5)).toBeLessThan(30);
  });

  it('is looked for when failures come, once some have come', () => {
    const good = Array.from({ length: 40 }, (_, index) => ({ workKey: model, model, totalMs: 125_000 + index * 200 }));
    const failed = { workKey: model, model, totalMs: 3_000, hasFailed: true };
    expect(noticedLate(knowing(good), { queue: 0, run: 3 }, 0.5)).toBeGreaterThan(10);
    const waiting = knowing([...good, failed, failed, failed]);
    expect(noticedLate(waiting, { queue: 0, run: 3 }, 0.5)).toBeLessThan(5);
    expect(noticedLate(waiting, { queue: 0, run: 129 }, 0.5)).toBeLessThan(3);
  });
});
