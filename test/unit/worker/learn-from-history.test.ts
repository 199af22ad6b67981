import type { Client, ListOptions } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { createWaitingKnowledge } from '../../../activities/waiting/knowledge.ts';
import { workSourceOf } from '../../../activities/waiting/work-source.ts';
import { learnFromHistory } from '../../../worker/learn-from-history.ts';

const model = 'kling/kling-3.0/standard/image-to-video';
const here = { taskQueue: 'generations', modelApiBase: 'https://model-api.runcomfy.net/v1' };
const source = workSourceOf(here.taskQueue, here.modelApiBase);
const work = (totalMs: number) => ({ workKey: model, model, totalMs, source });

/** A client whose namespace lists these executions. */
const listing = (executions: { memo?: unknown; startTime: Date }[], queries: unknown[] = []) =>
  ({
    workflow: {
      async *list({ query }: ListOptions) {
        queries.push(query);
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
    expect(await learnFromHistory(listing(executions.reverse()), starting, here)).toBe(200);
    for (const waited of [0, 30, 45, 70, 95]) {
      const wait = { workKey: model, model, secondsPerRead: 0.5, waited };
      expect(starting.nextReadInMs(wait)).toBe(seeing.nextReadInMs(wait));
    }
  });

  it('leaves out memos that name no finished work', async () => {
    const memos = [undefined, {}, { runcomfyWork: 'x' }, { runcomfyWork: work(-1) }];
    const executions = memos.map((memo) => ({ memo, startTime: new Date(0) }));
    expect(await learnFromHistory(listing(executions), createWaitingKnowledge(), here)).toBe(0);
  });

  it('is nothing of what another queue did, nothing of a simulator, and nothing that does not say where it ran', async () => {
    const elsewhere = [
      { ...work(4_000), source: workSourceOf('others', here.modelApiBase) },
      { ...work(4_000), source: workSourceOf(here.taskQueue, 'http://127.0.0.1:4010/v1') },
      { workKey: model, model, totalMs: 4_000 },
    ];
    const executions = elsewhere.map((one) => ({ memo: { runcomfyWork: one }, startTime: new Date(0) }));
    const queries: unknown[] = [];
    const client = listing(executions, queries);
    expect(await learnFromHistory(client, createWaitingKnowledge(), here)).toBe(0);
    expect(queries).toEqual([expect.stringContaining("TaskQueue = 'generations'")]);
    await learnFromHistory(client, createWaitingKnowledge(), { ...here, taskQueue: "o'clock" });
    expect(queries[1]).not.toContain('TaskQueue');
  });
});
