import { expect, it } from 'vitest';
import { batchStack, itemsNamed, linesOf, untilBatch } from '../../support/batches.ts';
import { flux } from '../../support/simulator-client.ts';

it.concurrent(
  'an ended batch without a worker: all its lines are told, and what is added to it waits for one',
  async () => {
    const { batches, key: newKey, workers } = await batchStack();
    const key = newKey();
    const items = itemsNamed(key, 3);
    const batch = await batches.start({ items, defaults: { model: flux }, window: 3, keepOpen: true }, { key });
    await batch.seal();
    await batch.result();
    await workers.stop();
    const added = batch.addAll(items);
    await untilBatch(batch, ({ isFromServer }) => isFromServer === true);
    const lines = await linesOf(batch, { follow: false });
    expect(lines.map(({ id }) => id).sort()).toEqual(items.map(({ id }) => id));
    expect(await linesOf(batch)).toEqual(lines);
    await workers.start();
    expect(await added).toEqual({ count: 3, added: 0 });
    expect(await linesOf(batch)).toEqual(lines);
  },
);

it.concurrent('a running batch without a worker tells no lines as if there were none', async () => {
  const { batches, key: newKey, workers, simulator } = await batchStack();
  simulator.hold({ stage: 'run' });
  const key = newKey();
  const batch = await batches.start({ items: itemsNamed(key, 1), defaults: { model: flux }, window: 1 }, { key });
  await untilBatch(batch, ({ counts }) => counts.inFlight === 1);
  await workers.stop();
  await expect(linesOf(batch, { follow: false })).rejects.toMatchObject({ type: 'NoWorker', key });
  simulator.release();
  await workers.start();
  expect(await linesOf(batch)).toMatchObject([{ id: `${key}-0`, status: 'succeeded' }]);
});

it.concurrent('a batch that was terminated tells without a worker no fewer lines than there are', async () => {
  const { batches, client, key: newKey, workers } = await batchStack();
  const key = newKey();
  const request = { items: itemsNamed(key, 1), defaults: { model: flux }, keepOpen: true };
  const batch = await batches.start(request, { key });
  await untilBatch(batch, ({ counts }) => counts.succeeded === 1);
  await client.workflow.getHandle(key).terminate('by a person');
  await workers.stop();
  await expect(linesOf(batch, { follow: false })).rejects.toMatchObject({ type: 'NoWorker', key });
  await workers.start();
  expect(await linesOf(batch)).toMatchObject([{ id: `${key}-0`, status: 'succeeded' }]);
});
