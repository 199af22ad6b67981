import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { eventually, untilSeen } from '../../support/eventually.ts';
import { untilState } from '../../support/generations.ts';
import { checkPipeline, pipelineStack, stillAndClip, toldState } from '../../support/pipelines.ts';
import { flux } from '../../support/simulator-client.ts';
import { onTestFinished } from '../../support/test-end.ts';

describe.concurrent('a pipeline whose orders meet an empty wallet', () => {
  it('waits where its request says so; a step may say otherwise, and each order is billed once at last', async () => {
    const {
      client,
      generations,
      pipelines,
      simulator,
      key: newKey,
    } = await pipelineStack({
      switches: { wallet_usd: 0 },
    });
    const key = newKey();
    const { steps } = stillAndClip(key);
    const hasty = { model: flux, input: { prompt: `${key} hasty` }, onWall: 'fail', onFailure: 'continue' };
    const plan = { version: 1, steps: { ...steps, hasty } };
    const pipeline = await pipelines.start({ plan, onWall: 'wait' }, { key });
    const stillKey = await untilSeen(async () => {
      const { steps: states, orders } = await pipeline.state();
      return states[2]?.phase === 'failed' ? firstOf(orders) : undefined;
    });
    await untilState(client.workflow.getHandle(stillKey), ({ wall }) => wall !== undefined);
    // An order that no worker answers for in time is told of as the server knows it.
    await eventually(async () => {
      expect((await pipeline.state()).orders?.[stillKey]).toMatchObject({ wall: { type: 'InsufficientBalance' } });
    });
    simulator.setBalance('sim-in-process', 100);
    await (await generations.get(stillKey)).nudge();
    const result = await pipeline.result();
    expect(result.phase).toBe('partial');
    const { jobs, totals } = simulator.ledger();
    expect(jobs.map(({ input }) => input['prompt'])).toEqual([`${key} still`, `${key} clip`]);
    expect(totals.charged).toBe(2);
    expect((await toldState(pipeline)).steps[2]).toMatchObject({
      phase: 'failed',
      failure: { type: 'InsufficientBalance', submission: 'refused' },
    });
    await checkPipeline(client, pipeline);
  });
});

describe.concurrent('a step whose budget is exhausted', () => {
  it('waits for room without ordering, and is ordered once as soon as there is some', async () => {
    const { client, generations, pipelines, simulator, key: newKey } = await pipelineStack();
    const key = newKey();
    const { budgets } = generations;
    const budget = `walls-${randomUUID()}`;
    onTestFinished(() => budgets.close(budget).catch(() => undefined));
    await budgets.create({ name: budget, limitUsd: 0.0001 });
    const step = { model: flux, input: { prompt: `${key} still` }, maxPriceUsd: 0.5, onWall: 'wait' };
    const plan = { version: 1, steps: { still: step } };
    const pipeline = await pipelines.start({ plan, budgets: [budget] }, { key });
    const stillKey = await untilSeen(async () => firstOf((await pipeline.state()).orders));
    await untilState(client.workflow.getHandle(stillKey), ({ wall }) => wall?.type === 'BudgetExceeded');
    expect(simulator.ledger().jobs).toEqual([]);
    expect(await budgets.state(budget)).toMatchObject({ spentUsd: 0, reservedUsd: 0, open: 0 });
    await budgets.set(budget, { limitUsd: 1 });
    await (await generations.get(stillKey)).nudge();
    expect((await pipeline.result()).phase).toBe('succeeded');
    expect(simulator.ledger().totals).toMatchObject({ accepted: 1, charged: 1 });
    await eventually(async () => {
      expect(await budgets.state(budget)).toMatchObject({ reservedUsd: 0, open: 0 });
    });
    expect((await budgets.state(budget)).spentUsd).toBeGreaterThan(0);
    await checkPipeline(client, pipeline);
  });
});

/** An order that the server knows of: the pipeline names it as it asks for its start. */
function firstOf(orders: object = {}): string | undefined {
  return Object.keys(orders)[0];
}
