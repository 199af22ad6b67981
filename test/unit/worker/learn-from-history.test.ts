import type { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { createWaitingKnowledge } from '../../../activities/waiting/knowledge.ts';
import { learnFromHistory } from '../../../worker/learn-from-history.ts';

const model = 'kling/kling-3.0/standard/image-to-video';
const work = (totalMs: number) => ({ workKey: model, model, totalMs });

/** A client whose namespace lists these executions. */
const listing = (executions: { memo?: unknown; startTime: Date }[]) =>
  ({
    workflow: {
      async *list() {
        await Promise.resolve();
        yield* executions;
      },
    },
  }) as unknown as Client;

describe('what a starting worker learns from finished generations', () => {
  it('is what one would know that saw them in the order of their submits, though the newest are listed first', async () => {
    const [starting, seeing] = [createWaitingKnowledge(), createWaitingKnowledge()];
    const durations = Array.from({ length: 200 }, (_, index) => 90_000 - index * 300);
    durations.forEach((totalMs, index) => {
      seeing.learn(work(totalMs), index);
    });
    const executions = durations.map((totalMs, index) => ({
      memo: { runcomfyWork: work(totalMs) },
      startTime: new Date(index),
    }));
    expect(await learnFromHistory(listing(executions.reverse()), starting)).toBe(200);
    for (const waited of [0, 30, 45, 70, 95]) {
      const wait = { workKey: model, model, secondsPerRead: 0.5, waited };
      expect(starting.nextReadInMs(wait)).toBe(seeing.nextReadInMs(wait));
    }
  });

  it('leaves out memos that name no finished work', async () => {
    const memos = [undefined, {}, { runcomfyWork: 'x' }, { runcomfyWork: { workKey: model, model, totalMs: -1 } }];
    const executions = memos.map((memo) => ({ memo, startTime: new Date(0) }));
    expect(await learnFromHistory(listing(executions), createWaitingKnowledge())).toBe(0);
  });
});
