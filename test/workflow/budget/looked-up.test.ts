import { describe, expect, it } from 'vitest';
import { lookUpOrdersIn } from '../../../worker/look-up-orders.ts';
import { budgetStack, clip } from '../../support/budgets.ts';
import { eventually } from '../../support/eventually.ts';

describe('what a budget finds out about orders that it has lost sight of', () => {
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
    expect(await settlementOf('never-ordered')).toEqual({ key: 'never-ordered', outcome: 'failed' });
    await running?.cancel();
  });
});
