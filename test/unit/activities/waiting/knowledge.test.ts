import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWaitingKnowledge } from '../../../../activities/waiting/knowledge.ts';
import { shortestTimerMs } from '../../../../activities/waiting/two-gears.ts';

const model = 'kling/kling-3.0/standard/image-to-video';
const wait = { model, secondsPerRead: 0.5 };

describe('what a worker knows of waiting', () => {
  it('keeps to the cold schedule until five generations have finished', () => {
    const waiting = createWaitingKnowledge();
    const cold = waiting.nextReadInMs({ ...wait, waited: 0 });
    for (let count = 0; count < 4; count += 1) waiting.learn({ workKey: model, model, totalMs: 50_000 });
    expect(waiting.nextReadInMs({ ...wait, waited: 0 })).toBe(cold);
    waiting.learn({ workKey: model, model, totalMs: 50_000 });
    expect(waiting.nextReadInMs({ ...wait, waited: 0 })).toBeGreaterThan(30_000);
  });

  it('learns nothing from durations that cannot be', () => {
    const waiting = createWaitingKnowledge();
    const cold = waiting.nextReadInMs({ ...wait, waited: 0 });
    for (const totalMs of [6e13, -1, Number.NaN, Infinity])
      for (let count = 0; count < 10; count += 1) waiting.learn({ workKey: model, model, totalMs });
    expect(waiting.nextReadInMs({ ...wait, waited: 0 })).toBe(cold);
  });

  it('tells sizes of work apart, and falls back to the model, then to its kind', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 8; count += 1) {
      waiting.learn({ workKey: `${model} duration=3`, model, totalMs: 20_000 });
      waiting.learn({ workKey: `${model} duration=15`, model, totalMs: 200_000 });
    }
    const first = (workKey: string, of = model) => waiting.nextReadInMs({ ...wait, model: of, workKey, waited: 0 });
    expect(first(`${model} duration=15`)).toBeGreaterThan(30_000);
    const later = waiting.nextReadInMs({ ...wait, workKey: `${model} duration=15`, waited: 60 });
    expect(later).toBeGreaterThan(50_000);
    expect(first(`${model} duration=3`)).toBeLessThan(25_000);
    expect(first(`${model} duration=7`)).toBeGreaterThan(10_000);
    expect(first('other/maker/image-to-video', 'other/maker/image-to-video')).toBeGreaterThan(10_000);
    const nothing = createWaitingKnowledge();
    const audio = 'other/maker/text-to-audio';
    expect(first(audio, audio)).toBe(nothing.nextReadInMs({ ...wait, model: audio, waited: 0 }));
  });

  it('follows the run once the work is seen running', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 10; count += 1) {
      waiting.learn({
        workKey: model,
        model,
        totalMs: 60_000 + count * 20_000,
        queueMs: 20_000 + count * 20_000,
        runMs: 40_000,
      });
    }
    const left = waiting.nextReadInMs({ ...wait, waited: 150, running: 10 });
    expect(left).toBeGreaterThan(20_000);
    expect(left).toBeLessThan(40_000);
  });

  it('looks soon when work that is first seen running may have run for long', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 20; count += 1) {
      waiting.learn({ workKey: model, model, totalMs: 40_000 + count * 1_000, runMs: 40_000 + count * 1_000 });
    }
    expect(waiting.nextReadInMs({ ...wait, waited: 44, running: 0, runningAtMost: 44 })).toBeLessThan(10_000);
    expect(waiting.nextReadInMs({ ...wait, waited: 44, running: 0, runningAtMost: 1 })).toBeGreaterThan(30_000);
  });

  it('goes by the time since the submit where nobody saw the start and there is no queue to speak of', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 20; count += 1) {
      // Seen running two seconds late, as work that is read early.
      waiting.learn({ workKey: model, model, totalMs: 40_000 + count * 1_000, runMs: 38_000 + count * 1_000 });
    }
    const unseen = { ...wait, waited: 38, running: 0, runningAtMost: 38 };
    expect(waiting.nextReadInMs(unseen)).toBe(waiting.nextReadInMs({ ...wait, waited: 38 }));
  });

  it('follows a drift', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 100; count += 1) waiting.learn({ workKey: model, model, totalMs: 30_000 });
    for (let count = 0; count < 100; count += 1) waiting.learn({ workKey: model, model, totalMs: 90_000 });
    expect(waiting.nextReadInMs({ ...wait, waited: 45 })).toBeGreaterThan(20_000);
  });

  it('goes by what it learned since where it had forgotten a kind of work', () => {
    const [waiting, other] = [createWaitingKnowledge(), createWaitingKnowledge()];
    const learn = (of: typeof waiting, workKey: string, times: number, totalMs: number) => {
      for (let count = 0; count < times; count += 1) of.learn({ workKey, model: workKey, totalMs });
    };
    const told = (of: typeof waiting) => {
      const start = { ...wait, workKey: model, waited: 0 };
      return [of.nextReadInMs(start), of.likelyEndInMs(start)];
    };
    learn(waiting, model, 100, 90_000);
    expect(told(waiting)[1]).toBeGreaterThan(80_000);
    for (let count = 0; count < 5_000; count += 1) learn(waiting, `other/model-${String(count)}`, 1, 20_000);
    for (const of of [waiting, other]) learn(of, model, 5, 5_000);
    expect(told(waiting)).toEqual(told(other));
  });

  it('takes a batch that was submitted at once for no drift, though the shortest of it end first', () => {
    const [batch, shuffled] = [createWaitingKnowledge(), createWaitingKnowledge()];
    for (let count = 0; count < 100; count += 1) {
      batch.learn({ workKey: model, model, totalMs: 40_000 + count * 200 }, 1_000);
      shuffled.learn({ workKey: model, model, totalMs: 40_000 + ((count * 37) % 100) * 200 });
    }
    for (const waited of [0, 41, 45, 50, 58]) {
      expect(batch.nextReadInMs({ ...wait, waited })).toBe(shuffled.nextReadInMs({ ...wait, waited }));
    }
  });

  it('is not blind to the first of a batch after another batch has filled the queue', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 100; count += 1) {
      waiting.learn({ workKey: model, model, totalMs: 50_000 + count * 5_000 }, count);
    }
    const first = waiting.nextReadInMs({ ...wait, waited: 38 });
    expect(first).toBeGreaterThan(2_000);
    expect(first).toBeLessThan(32_000);
  });

  it('asks for one in five to be kept once it knows a kind of work well, and for every one of the others', () => {
    const waiting = createWaitingKnowledge();
    const kept: number[] = [];
    for (let count = 1; count <= 200; count += 1) {
      waiting.learn({ workKey: model, model, totalMs: 50_000 });
      if (!waiting.knowsWell({ workKey: model, model })) kept.push(count);
    }
    expect(kept.slice(0, 149)).toHaveLength(149);
    expect(kept.filter((count) => count > 150)).toEqual([155, 160, 165, 170, 175, 180, 185, 190, 195, 200]);
    expect(waiting.knowsWell({ workKey: `${model} duration=15`, model })).toBe(false);
  });

  it('ignores durations that are none', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 10; count += 1)
      waiting.learn({ workKey: model, model, totalMs: Number.NaN, runMs: -1 });
    const nothing = createWaitingKnowledge();
    for (const waited of [0, 10, 100]) {
      expect(waiting.nextReadInMs({ ...wait, waited })).toBe(nothing.nextReadInMs({ ...wait, waited }));
    }
  });

  it('never waits for more than a quarter of the time waited while nothing is known', () => {
    const waiting = createWaitingKnowledge();
    for (const of of [model, 'a/b/text-to-image', 'a/b/text-to-audio', 'a/b/c']) {
      for (const secondsPerRead of [0.02, 0.5, 5]) {
        for (let waited = 0; waited < 3_000; waited = waited * 1.3 + 0.5) {
          const gap = waiting.nextReadInMs({ model: of, secondsPerRead, waited }) / 1_000;
          expect(gap).toBeLessThanOrEqual(Math.max(2, waited / 4) + 0.001);
          expect(gap).toBeGreaterThanOrEqual(0.3);
        }
      }
    }
  });

  it('notices the end of unknown short work within 1.2 s at 60 % of the reads of a loop of half a second', () => {
    for (const of of [model, 'a/b/text-to-image', 'a/b/c']) {
      const waiting = createWaitingKnowledge();
      const ends = Array.from({ length: 146 }, (_, index) => 1.5 + index / 10);
      const watched = ends.map((end) => {
        let [now, reads] = [0, 0];
        while (now < end) {
          now += waiting.nextReadInMs({ model: of, secondsPerRead: 0.5, waited: now }) / 1_000;
          reads += 1;
        }
        return { late: now - end, reads, ofLoop: Math.ceil(end / 0.5) };
      });
      const late = watched.map((one) => one.late).sort((a, b) => a - b);
      expect(late[late.length >> 1]).toBeLessThan(0.8);
      const sum = (pick: (one: { reads: number; ofLoop: number }) => number) =>
        watched.reduce((total, one) => total + pick(one), 0);
      expect(sum(({ reads }) => reads)).toBeLessThan(0.6 * sum(({ ofLoop }) => ofLoop));
    }
  });

  it('leads to few timers, of eleven events each, over a quarter of an hour of which nothing is known', () => {
    for (const of of [model, 'a/b/text-to-image', 'a/b/c']) {
      for (const secondsPerRead of [0.02, 0.5, 5]) {
        const waiting = createWaitingKnowledge();
        let timers = 0;
        for (let waited = 0; waited < 900;) {
          const gapMs = waiting.nextReadInMs({ model: of, secondsPerRead, waited });
          if (gapMs >= shortestTimerMs) timers += 1;
          waited += gapMs / 1_000;
        }
        expect(timers).toBeLessThanOrEqual(35);
      }
    }
  });

  describe('of work that still queues', () => {
    const learned = () => {
      const waiting = createWaitingKnowledge();
      for (let count = 0; count < 20; count += 1) {
        const [queueMs, runMs] = [(count % 10) * 12_000, 30_000 + count * 200];
        waiting.learn({ workKey: model, model, totalMs: queueMs + runMs, queueMs, runMs });
      }
      return waiting;
    };

    it('knows that a whole run is still to come, but looks when it should have started', () => {
      const waiting = learned();
      const running = waiting.nextReadInMs({ ...wait, waited: 60, running: 28 });
      const queued = waiting.nextReadInMs({ ...wait, waited: 60, isQueueing: true });
      expect(queued).toBeGreaterThan(running);
      expect(queued).toBeGreaterThan(25_000);
      expect(queued).toBeLessThan(60_000);
    });

    it('takes the queue position for what it is: the longer the line, the later the look', () => {
      const waiting = learned();
      waiting.learnQueueMove({ model, places: 3, seconds: 60 });
      const at = (queuePosition: number) =>
        waiting.nextReadInMs({ ...wait, waited: 300, isQueueing: true, queuePosition });
      expect(at(1)).toBeLessThan(at(5));
      expect(at(5)).toBeLessThan(at(20));
      expect(at(20)).toBeGreaterThan(120_000);
      expect(at(20_000)).toBe(at(200));
    });

    it('always comes to a later read, whatever RunComfy says of the queue', () => {
      fc.assert(
        fc.property(
          fc.nat({ max: 100_000 }),
          fc.double({ min: 0, max: 1e6, noNaN: true }),
          fc.double({ min: 0, max: 1e5, noNaN: true }),
          (queuePosition, seconds, waited) => {
            const waiting = learned();
            waiting.learnQueueMove({ model, places: 1, seconds });
            const gap = waiting.nextReadInMs({ ...wait, waited, isQueueing: true, queuePosition });
            expect(gap).toBeGreaterThanOrEqual(300);
            expect(Number.isFinite(gap)).toBe(true);
          },
        ),
        { numRuns: 200 },
      );
    });
  });

  it('is not blind to work of unknown age, such as a request that was taken over', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 20; count += 1) waiting.learn({ workKey: model, model, totalMs: 70_000 + count * 500 });
    for (const waited of [0, 8, 40]) {
      const gap = waiting.nextReadInMs({ ...wait, waited, isOlder: true });
      expect(gap).toBeLessThanOrEqual(Math.max(2_000, waited * 250) + 1);
    }
    expect(waiting.nextReadInMs({ ...wait, waited: 40 })).toBeGreaterThan(25_000);
  });

  it('tells which of two is sooner over', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 20; count += 1) waiting.learn({ workKey: model, model, totalMs: 50_000 + count * 500 });
    const end = (waited: number) => waiting.likelyEndInMs({ ...wait, waited });
    expect(end(0)).toBeGreaterThan(50_000);
    expect(end(0)).toBeLessThan(60_000);
    expect(end(55)).toBeLessThan(end(20));
    // Beyond all that was seen or guessed it may last as long again.
    expect(end(50_000)).toBe(50_000_000);
  });

  it('expects an end only where work of this very model is known, and no longer once it outlasts all of it', () => {
    const waiting = createWaitingKnowledge();
    expect(waiting.expectedEndInMs({ ...wait, waited: 0 })).toBeUndefined();
    for (let count = 0; count < 20; count += 1) waiting.learn({ workKey: model, model, totalMs: 50_000 + count * 500 });
    expect(waiting.expectedEndInMs({ ...wait, waited: 0 })).toBeCloseTo(55_000, -4);
    expect(waiting.expectedEndInMs({ ...wait, waited: 50 })).toBeLessThan(10_000);
    expect(waiting.expectedEndInMs({ ...wait, waited: 100 })).toBeUndefined();
    const other = 'other/maker/image-to-video';
    expect(waiting.expectedEndInMs({ ...wait, model: other, waited: 0 })).toBeUndefined();
    const queued = { ...wait, waited: 30, isQueueing: true };
    expect(waiting.expectedEndInMs(queued)).toBeUndefined();
    waiting.learnQueueMove({ model, places: 3, seconds: 60 });
    const third = waiting.expectedEndInMs({ ...queued, queuePosition: 2 });
    expect(third).toBeGreaterThan(90_000);
    expect(third).toBeLessThan(120_000);
  });
});
