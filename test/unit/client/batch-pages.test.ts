import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import { createBatchPages } from '../../../client/batch/pages.ts';

const promptOf = (length: number) => JSON.stringify('x'.repeat(length));

/** A client whose namespace holds pages of one item each, with this prompt. */
function pagesOf(prompt: string) {
  let reads = 0;
  const payload = {
    ...defaultPayloadConverter.toPayload({}),
    data: Buffer.from(`{"items":[{"id":"a","input":{"prompt":${prompt}}}]}`),
  };
  const workflowExecutionStartedEventAttributes = { input: { payloads: [payload] } };
  const client = {
    options: {
      namespace: 'default',
      loadedDataConverter: { payloadConverter: defaultPayloadConverter, payloadCodecs: [] },
    },
    workflowService: {
      getWorkflowExecutionHistory: () => {
        reads += 1;
        return Promise.resolve({ history: { events: [{ workflowExecutionStartedEventAttributes }] } });
      },
    },
  } as unknown as Client;
  const { readItems } = createBatchPages(client, 'runcomfy');
  return {
    reads: () => reads,
    async readFirst(count: number) {
      for (let page = 0; page < count; page += 1) expect(await readItems('k', page)).toHaveLength(1);
    },
  };
}

it('pages of items are read once, and of those that others made too large only a few are kept', async () => {
  const usual = pagesOf(promptOf(120_000));
  await usual.readFirst(64);
  await usual.readFirst(64);
  expect(usual.reads()).toBe(64);
  const large = pagesOf(promptOf(1_500_000));
  await large.readFirst(6);
  await large.readFirst(6);
  expect(large.reads()).toBe(12);
  const deep = pagesOf('['.repeat(200_000) + ']'.repeat(200_000));
  await deep.readFirst(2);
  expect(deep.reads()).toBe(2);
});
