import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, mapToPayloads, type PayloadCodec } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { createWaitingKnowledge } from '../../../../activities/waiting/knowledge.ts';
import { workSourceOf } from '../../../../activities/waiting/work-source.ts';
import { learnFromHistory } from '../../../../worker/history/learn-from-history.ts';

const model = 'kling/kling-3.0/standard/image-to-video';
const here = { taskQueue: 'generations', modelApiBase: 'https://model-api.runcomfy.net/v1' };
const source = workSourceOf(here.taskQueue, here.modelApiBase);
const work = (totalMs: number) => ({ workKey: model, model, totalMs, source });

/** A client whose namespace lists these executions, in pages of 50. */
const listing = (
  executions: { memo?: Record<string, unknown> | undefined; startTime: Date }[],
  queries: unknown[] = [],
  payloadCodecs: PayloadCodec[] = [],
) =>
  ({
    options: {
      namespace: 'default',
      loadedDataConverter: { payloadConverter: defaultPayloadConverter, payloadCodecs },
    },
    workflowService: {
      async listWorkflowExecutions({ query, nextPageToken }: { query: string; nextPageToken?: Uint8Array }) {
        queries.push(query);
        await Promise.resolve();
        const page = nextPageToken?.[0] ?? 0;
        const isLast = (page + 1) * 50 >= executions.length;
        return {
          executions: executions.slice(page * 50, (page + 1) * 50).map(({ memo, startTime }) => ({
            startTime: { seconds: 0, nanos: startTime.getTime() * 1_000_000 },
            memo: memo && { fields: mapToPayloads(defaultPayloadConverter, memo) },
          })),
          nextPageToken: isLast ? new Uint8Array() : Uint8Array.of(page + 1),
        };
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
    expect(await learnFromHistory(listing(executions.reverse()), starting, here)).toEqual({
      learned: 200,
      undecodable: 0,
    });
    for (const waited of [0, 30, 45, 70, 95]) {
      const wait = { workKey: model, model, secondsPerRead: 0.5, waited };
      expect(starting.nextReadInMs(wait)).toBe(seeing.nextReadInMs(wait));
    }
  });

  it('leaves out memos that name no finished work', async () => {
    // Whatever a memo names would be kept by the worker.
    const long = 'x'.repeat(100_000);
    const odd = [{ workKey: long }, { model: `a/${long}` }, { model: 'no model' }];
    const memos = [
      undefined,
      {},
      { runcomfyWork: 'x' },
      { other: 1, runcomfyWork: work(-1) },
      ...odd.map((named) => ({ runcomfyWork: { ...work(40_000), ...named } })),
    ];
    const executions = memos.map((memo) => ({ memo, startTime: new Date(0) }));
    expect(await learnFromHistory(listing(executions), createWaitingKnowledge(), here)).toMatchObject({ learned: 0 });
  });

  it('comes from the others where some memos cannot be decoded', async () => {
    let seen = 0;
    // As with a key file that lacks the key of every third.
    const lackingKeys: PayloadCodec = {
      encode: (payloads) => Promise.resolve(payloads),
      decode: (payloads) => (seen++ % 3 === 0 ? Promise.reject(new Error('no such key')) : Promise.resolve(payloads)),
    };
    const executions = Array.from({ length: 9 }, (_, index) => ({
      memo: { runcomfyWork: work(40_000) },
      startTime: new Date(index),
    }));
    const client = listing(executions, [], [lackingKeys]);
    expect(await learnFromHistory(client, createWaitingKnowledge(), here)).toEqual({ learned: 6, undecodable: 3 });
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
    expect(await learnFromHistory(client, createWaitingKnowledge(), here)).toMatchObject({ learned: 0 });
    expect(queries).toEqual([expect.stringContaining("TaskQueue = 'generations'")]);
    await learnFromHistory(client, createWaitingKnowledge(), { ...here, taskQueue: "o'clock" });
    expect(queries[1]).not.toContain('TaskQueue');
  });
});
