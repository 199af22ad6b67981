import type { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { pipelineStack, stillAndClip } from '../../support/pipelines.ts';

/** The events of a run that it can be reset to. */
async function taskEndsOf(client: Client, workflowId: string, runId: string) {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  return (events ?? []).filter((event) => event.workflowTaskCompletedEventAttributes).map(({ eventId }) => eventId);
}

async function reset(client: Client, workflowId: string, runId: string, eventId: unknown): Promise<void> {
  await client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    workflowTaskFinishEventId: eventId as never,
    requestId: `reset-${runId}-${String(eventId)}`,
    reason: 'test',
  });
}

describe.concurrent('a pipeline that is reset', () => {
  it('to any of its events comes to the same end, for the same bills', async () => {
    const { client, pipelines, key: newKey, simulator } = await pipelineStack();
    const key = newKey();
    const pipeline = await pipelines.start({ plan: stillAndClip(key) }, { key });
    const { outputs } = await pipeline.result();
    const ends = await taskEndsOf(client, key, pipeline.runId);
    expect(ends.length).toBeGreaterThan(3);
    for (const eventId of ends) {
      await reset(client, key, pipeline.runId, eventId);
      expect((await (await pipelines.get(key)).result()).outputs).toEqual(outputs);
      expect(simulator.ledger().jobs).toHaveLength(2);
    }
  });

  it('while an order of it waits in the queue goes on with that order, and makes no second one', async () => {
    const { client, pipelines, key: newKey, simulator } = await pipelineStack();
    const key = newKey();
    simulator.hold();
    const pipeline = await pipelines.start({ plan: stillAndClip(key) }, { key });
    await eventually(() => {
      expect(simulator.ledger().jobs[0]?.statusCalls).toBeGreaterThan(0);
    });
    const [first] = await taskEndsOf(client, key, pipeline.runId);
    await reset(client, key, pipeline.runId, first);
    const again = await pipelines.get(key);
    await eventually(async () => {
      expect((await again.state()).steps[0]?.phase).not.toBe('preparing');
    });
    simulator.release();
    expect((await again.result()).phase).toBe('succeeded');
    expect(simulator.ledger().jobs.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
  });

  it('to after its check orders once more what had ended unbilled meanwhile', async () => {
    const { client, pipelines, key: newKey, simulator } = await pipelineStack({ switches: { wallet_usd: 0 } });
    const key = newKey();
    const pipeline = await pipelines.start({ plan: stillAndClip(key) }, { key });
    await expect(pipeline.result()).rejects.toThrow('InsufficientBalance');
    simulator.setBalance('sim-in-process', 100);
    const [, second] = await taskEndsOf(client, key, pipeline.runId);
    await reset(client, key, pipeline.runId, second);
    expect(await (await pipelines.get(key)).result()).toMatchObject({ phase: 'succeeded' });
    expect(simulator.ledger().jobs.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
  });

  it('after it had ordered again what failed, and that failed too, orders it no third time', async () => {
    const {
      client,
      pipelines,
      key: newKey,
      simulator,
    } = await pipelineStack({
      faults: [{ fault: 'job-fails', step: 'submit' }],
    });
    const key = newKey();
    const step = { ...stillAndClip(key).steps.still, attempts: 2, onFailure: 'continue' };
    const plan = { version: 1, steps: { still: step } };
    const first = await pipelines.start({ plan }, { key });
    expect((await first.result()).phase).toBe('partial');
    const again = await pipelines.start({ plan }, { key, rerun: true });
    const told = await again.result();
    expect(simulator.ledger().jobs).toHaveLength(4);
    const ends = await taskEndsOf(client, key, again.runId);
    for (const eventId of [ends[0], ends[Math.floor(ends.length / 2)], ends.at(-1)]) {
      await reset(client, key, again.runId, eventId);
      expect(await (await pipelines.get(key)).result()).toMatchObject({ phase: told.phase });
      expect(simulator.ledger().jobs).toHaveLength(4);
    }
  });

  it('two pipelines of one lineage make each order once, and both have its result', async () => {
    const { pipelines, key: newKey, simulator } = await pipelineStack();
    const lineage = newKey();
    simulator.hold();
    const start = (name: string) =>
      pipelines.start({ plan: stillAndClip(lineage), lineage }, { key: `${lineage}-${name}` });
    const both = await Promise.all([start('one'), start('other')]);
    await eventually(() => {
      expect(simulator.ledger().jobs).toHaveLength(1);
    });
    simulator.release();
    const [one, other] = await Promise.all(both.map((pipeline) => pipeline.result()));
    expect(one?.outputs).toEqual(other?.outputs);
    expect(simulator.ledger().jobs).toHaveLength(2);
  });
});
