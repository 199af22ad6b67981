import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import { lookUpOrdersIn } from '../../../worker/look-up-orders.ts';
import { budgetStack, clip } from '../../support/budgets.ts';
import { eventually } from '../../support/eventually.ts';

describe.concurrent('what a budget finds out about orders that it has lost sight of', () => {
  it('is their own end, the presumption of a bill where there is none, and nothing while they run', async () => {
    const { client, generations, simulator } = await budgetStack();
    const { settlementOf } = lookUpOrdersIn(client);
    simulator.setFaults([{ fault: 'stuck-in-queue', step: 'submit' }]);
    const order = clip([]);
    const { budgets: _, ...plain } = order;
    const [running, terminated, cancelled, deserted] = await Promise.all(
      [1, 2, 3, 4].map(async () => generations.start(plain)),
    );
    await eventually(async () => {
      for (const handle of [running, terminated, cancelled, deserted]) {
        expect((await handle?.state())?.phase).toBe('in_queue');
      }
    });
    simulator.setFaults([]);
    const done = await generations.start(plain);
    await done.result();
    await cancelled?.cancel();
    await client.workflow.getHandle(terminated?.key ?? '').terminate('test');
    await client.workflow.getHandle(deserted?.key ?? '').cancel();
    await eventually(async () => {
      expect(await deserted?.isEnded()).toBe(true);
      expect(await cancelled?.isEnded()).toBe(true);
    });
    expect(await settlementOf(running?.key ?? '')).toBe('open');
    expect(await settlementOf(done.key)).toMatchObject({ outcome: 'succeeded', costUsd: 1.26 });
    expect(await settlementOf(cancelled?.key ?? '')).toMatchObject({ outcome: 'cancelled' });
    expect(await settlementOf(deserted?.key ?? '')).toMatchObject({ outcome: 'cancelled' });
    expect(await settlementOf(terminated?.key ?? '')).toEqual({ key: terminated?.key, outcome: 'failed' });
    expect(await settlementOf(terminated?.key ?? '', Date.now())).toEqual({ key: terminated?.key, outcome: 'failed' });
    expect(await settlementOf('never-ordered')).toEqual({ key: 'never-ordered', outcome: 'failed' });
    await running?.cancel();
  });

  it('is that nothing was spent where one was ended before it was sent, and no word of an order before it', async () => {
    const { client, generations, simulator, budget } = await budgetStack();
    const { settlementOf } = lookUpOrdersIn(client);
    const { name } = await budget({ limitUsd: 100 });
    const order = clip([name]);
    const before = Date.now() - 60_000;
    const pendingOf = async ({ key }: { key: string }) =>
      (await client.workflow.getHandle(key).describe()).raw.pendingActivities?.[0];
    const unattended = createGenerationClient({ client, taskQueue: `nobody-${randomUUID()}` });
    const terminate = ({ key }: { key: string }) => client.workflow.getHandle(key).terminate('test');
    simulator.setFaults([{ fault: 'delay', step: 'submit', delayMs: 30_000 }]);
    const sending = await generations.start(order);
    await eventually(async () => {
      const [payload] = (await pendingOf(sending))?.heartbeatDetails?.payloads ?? [];
      expect(Buffer.from(payload?.data ?? '').toString()).toContain('"sending"');
      // One that is still to arrive would meet the fault that is set next, and hold up all orders after it.
      expect(simulator.ledger().totals.submits).toBe(1);
    });
    await terminate(sending);
    simulator.setFaults([{ fault: 'rate-limited', step: 'submit', retryAfter: 300 }]);
    const [waiting, unseen] = await Promise.all([generations.start(order), unattended.start(order)]);
    await eventually(async () => {
      expect((await pendingOf(waiting))?.lastFailure?.applicationFailureInfo?.type).toBe('RateLimited');
    });
    await Promise.all([terminate(waiting), terminate(unseen)]);
    const { key } = waiting;
    // Until the lists show it nothing is proven.
    await eventually(async () => {
      expect(await settlementOf(key, Date.now())).toEqual({ key, outcome: 'not_submitted' });
    });
    expect(await settlementOf(key)).toEqual({ key, outcome: 'failed' });
    expect(await settlementOf(key, before)).toEqual({ key, outcome: 'failed' });
    // None of ours has reserved anything for what nobody took.
    expect(await settlementOf(unseen.key, Date.now())).toEqual({ key: unseen.key, outcome: 'failed' });
    expect(await settlementOf(sending.key, Date.now())).toEqual({ key: sending.key, outcome: 'failed' });
  });
});
