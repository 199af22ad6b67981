import { randomUUID } from 'node:crypto';
import { ServiceError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { createCheckWebhook } from '../../activities/webhooks/check-webhook.ts';
import { toClientError } from '../../client/convert-errors.ts';
import { maxBatchKeyLength, maxWorkflowIdLength } from '../../domain/names.ts';
import { maxWebhookKeyLength } from '../../domain/webhook/webhook.ts';
import { batchStack, checkBatch, linesOf, untilBatch } from '../support/batches.ts';
import { flux } from '../support/simulator-client.ts';

const keyOf = (length: number) => `${randomUUID()}-`.padEnd(length, 'k');
const plan = (step: string) => ({ version: 1, steps: { [step]: { model: flux, input: { prompt: 'a' } } } });
const ofKey = (submission?: string) => ({
  type: 'InvalidInput',
  ...(submission !== undefined && { submission }),
  message: expect.stringContaining(String(maxWorkflowIdLength)) as string,
});

// PostgreSQL and MySQL keep 255 characters of a Workflow ID. A server on them says so of a start as if it were away, and
// tries the start of a child, or of an item, again for ever.
describe.concurrent('a name that not every database keeps', () => {
  it('is refused where it is given, before anything is sent', async () => {
    const { generations, batches, pipelines, simulator } = await batchStack();
    const order = { model: flux, input: { prompt: 'a' } };
    const webhook = { url: 'https://example.com/hook', secret: 'main' };
    await expect(generations.start(order, { key: keyOf(maxWorkflowIdLength + 1) })).rejects.toMatchObject(ofKey());
    const told = generations.start({ ...order, webhook }, { key: keyOf(maxWebhookKeyLength + 1) });
    await expect(told).rejects.toMatchObject(ofKey('not_sent'));
    const batch = batches.start({ items: [], defaults: order }, { key: keyOf(maxBatchKeyLength + 1) });
    await expect(batch).rejects.toMatchObject(ofKey());
    const pipeline = pipelines.start({ plan: plan('still') }, { key: keyOf(maxWorkflowIdLength - 10) });
    await expect(pipeline).rejects.toMatchObject({ type: 'InvalidInput', issues: [{ path: '$.steps.still' }] });
    expect(simulator.ledger().jobs).toEqual([]);
  });

  it('ends what was started without this client, instead of standing still for ever', async () => {
    const { client, workers, simulator } = await batchStack();
    const start = (type: string, request: object, length: number) =>
      client.workflow.start(type, { taskQueue: workers.taskQueue, workflowId: keyOf(length), args: [request] });
    const batch = await start('runcomfyBatch', { items: [], keepOpen: true }, maxBatchKeyLength + 1);
    const pipeline = await start('runcomfyPipeline', { plan: plan('still') }, maxWorkflowIdLength - 10);
    for (const handle of [batch, pipeline]) {
      await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'InvalidInput' } });
    }
    expect(simulator.ledger().jobs).toEqual([]);
  });

  it('is told in the line of the item that would have it, and the others are ordered', async () => {
    const stack = await batchStack();
    const { batches, simulator } = stack;
    const key = keyOf(80);
    const items = ['short', 'L'.repeat(200)].map((id) => ({ id, input: { prompt: id } }));
    const batch = await batches.start({ items, defaults: { model: flux } }, { key });
    await untilBatch(batch, ({ phase }) => phase === 'partial');
    const lines = await linesOf(batch);
    expect(lines.map(({ id, status }) => [id.length, status]).sort()).toEqual([
      [200, 'failed'],
      [5, 'succeeded'],
    ]);
    expect(lines.find(({ id }) => id.length === 200)?.error).toMatchObject(ofKey('not_sent'));
    expect(simulator.ledger().jobs).toHaveLength(1);
    await checkBatch(stack, batch);
  });

  it('is found out by a worker before an order with a webhook is paid', async () => {
    const secretsOf = () => Promise.resolve(['whsec_x']);
    const check = createCheckWebhook({ secretsOf, allowedHosts: [] } as never, {} as never);
    const target = { url: 'https://example.com/hook', secret: 'main' };
    expect(await check({ ...target, key: keyOf(maxWebhookKeyLength) })).toEqual({ issues: [] });
    expect(await check({ ...target, key: keyOf(maxWebhookKeyLength + 1) })).toMatchObject({
      issues: [{ path: 'key' }],
    });
  });

  it('is no sign that the server is away', () => {
    const cause = Object.assign(new Error('14 UNAVAILABLE'), {
      code: 14,
      details:
        'createOrUpdateCurrentExecution failed. Error: pq: value too long for type character varying(255) (22001)',
    });
    expect(toClientError(new ServiceError('failed', { cause }), 'k')).toMatchObject({ type: 'InvalidInput' });
  });
});
