import { expect, it } from 'vitest';
import { batchStack, itemsNamed, linesOf, untilBatch } from '../../support/batches.ts';
import { flux } from '../../support/simulator-client.ts';

it.concurrent(
  'an ended batch without a worker: its lines and items wait for one, or are refused, and are never fewer',
  async () => {
    const { batches, key: newKey, workers } = await batchStack();
    const key = newKey();
    const items = itemsNamed(key, 3);
    const batch = await batches.start({ items, defaults: { model: flux }, window: 3, keepOpen: true }, { key });
    await batch.seal();
    await batch.result();
    await workers.stop();
    const [lines, added] = [linesOf(batch), batch.addAll(items)];
    await untilBatch(batch, ({ isFromServer }) => isFromServer === true);
    await expect(linesOf(batch, { follow: false })).rejects.toMatchObject({ type: 'NoWorker', key });
    await workers.start();
    expect((await lines).map(({ id }) => id).sort()).toEqual(items.map(({ id }) => id));
    expect(await added).toEqual({ count: 3, added: 0 });
    expect(await linesOf(batch)).toEqual(await lines);
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
