import { describe, expect, it } from 'vitest';
import { createWaitingKnowledge } from '../../../../activities/waiting/knowledge.ts';

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

  it('tells sizes of work apart, and falls back to the model, then to its kind', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 8; count += 1) {
      waiting.learn({ workKey: `${model} duration=3`, model, totalMs: 20_000 });
      waiting.learn({ workKey: `${model} duration=15`, model, totalMs: 200_000 });
    }
    const first = (workKey: string, of = model) => waiting.nextReadInMs({ ...wait, model: of, workKey, waited: 0 });
    expect(first(`${model} duration=15`)).toBeGreaterThan(50_000);
    expect(first(`${model} duration=3`)).toBeLessThan(25_000);
    expect(first(`${model} duration=7`)).toBeGreaterThan(10_000);
    expect(first('other/maker/image-to-video', 'other/maker/image-to-video')).toBeGreaterThan(10_000);
    expect(first('other/maker/text-to-audio', 'other/maker/text-to-audio')).toBe(1_000);
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

  it('follows a drift', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 100; count += 1) waiting.learn({ workKey: model, model, totalMs: 30_000 });
    for (let count = 0; count < 100; count += 1) waiting.learn({ workKey: model, model, totalMs: 90_000 });
    expect(waiting.nextReadInMs({ ...wait, waited: 45 })).toBeGreaterThan(20_000);
  });

  it('ignores durations that are none', () => {
    const waiting = createWaitingKnowledge();
    for (let count = 0; count < 10; count += 1)
      waiting.learn({ workKey: model, model, totalMs: Number.NaN, runMs: -1 });
    expect(waiting.nextReadInMs({ ...wait, waited: 0 })).toBe(1_000);
  });
});
