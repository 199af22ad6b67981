import type { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import type { PipelineHandle } from '../../../client/index.ts';
import { eventually } from '../../support/eventually.ts';
import { checkExecutions, historiesOf } from '../../support/generations.ts';
import { checkPipeline, pipelineStack } from '../../support/pipelines.ts';
import { recordHistories } from '../../support/record-history.ts';
import { flux } from '../../support/simulator-client.ts';

const count = 44;
const numbers = Array.from({ length: count }, (_, at) => at);
const planOf = (name: string, more: object = {}) => ({
  version: 1,
  steps: {
    many: { model: flux, input: { prompt: `${name} \${{ item }}` }, forEach: numbers, ...more },
    after: { model: flux, input: { prompt: `${name} after \${{ size(steps.many.images) }}` } },
  },
});

async function eventsOf(client: Client, { key, runId }: PipelineHandle) {
  return (await client.workflow.getHandle(key, runId).fetchHistory()).events ?? [];
}

async function groupOf(client: Client, pipeline: PipelineHandle): Promise<string> {
  const events = await eventsOf(client, pipeline);
  const started = events.flatMap(({ startChildWorkflowExecutionInitiatedEventAttributes: child }) =>
    child?.workflowType?.name === 'runcomfyPipelineGroup' ? (child.workflowId ?? []) : [],
  );
  expect(started).toHaveLength(1);
  return started[0] ?? '';
}

describe.concurrent('a fan-out whose orders are made in a group', () => {
  it('is one bill an order, with fallbacks and workers that come and go, and leaves its pipeline few events', async () => {
    const {
      client,
      pipelines,
      key: newKey,
      simulator,
      workers,
    } = await pipelineStack({
      faults: [{ fault: 'job-fails', step: 'submit', times: 2 }],
    });
    const key = newKey();
    const fallback = [{ model: flux, input: { prompt: `${key} instead of \${{ item }}` } }];
    const pipeline = await pipelines.start({ plan: planOf(key, { onFailure: { fallback } }) }, { key });
    await eventually(() => {
      expect(simulator.ledger().jobs.length).toBeGreaterThan(10);
    });
    await workers.stop();
    await workers.start();
    expect(await pipeline.result()).toMatchObject({ phase: 'succeeded' });
    const { jobs } = simulator.ledger();
    expect(jobs).toHaveLength(count + 3);
    expect(jobs.filter(({ chargedUsd }) => chargedUsd > 0)).toHaveLength(count + 1);
    expect(jobs.at(-1)?.input['prompt']).toBe(`${key} after ${String(count)}`);
    const state = await pipeline.state();
    const items = state.steps[0]?.items ?? [];
    expect(items.map(({ phase }) => phase)).toEqual(numbers.map(() => 'succeeded'));
    expect(items.filter(({ attempts }) => attempts?.length === 2)).toHaveLength(2);
    expect(state).toMatchObject({ phase: 'succeeded', reservedUsd: 0 });
    expect((await eventsOf(client, pipeline)).length).toBeLessThan(6 * count);
    const group = await groupOf(client, pipeline);
    await recordHistories('fan-out-of-a-pipeline', await historiesOf(client, group), 'runcomfyPipelineGroup');
    await checkExecutions(client, [group]);
    await checkPipeline(client, pipeline, 'fan-out-in-a-group');
  });

  it('is cancelled with an outcome for each order, and begins nothing more', async () => {
    const { client, pipelines, key: newKey, simulator } = await pipelineStack();
    const key = newKey();
    simulator.hold();
    const pipeline = await pipelines.start({ plan: planOf(key), maxParallel: 5 }, { key });
    await eventually(() => {
      expect(simulator.ledger().jobs.filter(({ statusCalls }) => statusCalls > 0)).toHaveLength(5);
    });
    const { outcome, steps } = await pipeline.cancel({ reason: 'enough' });
    expect(outcome).toBe('cancelled');
    const ofMany = steps.filter(({ id }) => id === 'many');
    expect(ofMany.map(({ index }) => index).sort((a = 0, b = 0) => a - b)).toEqual(numbers);
    expect(ofMany.filter((each) => each.outcome === 'cancelled' && each.key !== undefined)).toHaveLength(5);
    expect(ofMany.filter((each) => each.outcome === 'not_submitted')).toHaveLength(count - 5);
    expect(steps.filter(({ id }) => id === 'after')).toEqual([{ id: 'after', outcome: 'not_submitted' }]);
    await expect(pipeline.result()).rejects.toMatchObject({ type: 'PipelineCancelled' });
    expect(simulator.ledger().jobs.map(({ state }) => state)).toEqual(Array(5).fill('cancelled'));
    const { steps: told, phase } = await pipeline.state();
    expect(phase).toBe('cancelled');
    expect(told[0]?.items?.filter((item) => item.phase === 'cancelled')).toHaveLength(5);
    expect(told[0]?.items?.filter((item) => item.phase === 'not_started')).toHaveLength(count - 5);
    await recordHistories(
      'cancelled',
      await historiesOf(client, await groupOf(client, pipeline)),
      'runcomfyPipelineGroup',
    );
    await checkPipeline(client, pipeline, 'fan-out-in-a-group-cancelled');
    await checkExecutions(client, [await groupOf(client, pipeline)]);
  });

  it('asks what waits to cancel when its pipeline is terminated', async () => {
    const { client, pipelines, key: newKey, simulator } = await pipelineStack();
    const key = newKey();
    simulator.hold();
    const pipeline = await pipelines.start({ plan: planOf(key), maxParallel: 5 }, { key });
    await eventually(() => {
      expect(simulator.ledger().jobs.filter(({ statusCalls }) => statusCalls > 0)).toHaveLength(5);
    });
    await client.workflow.getHandle(key).terminate();
    await eventually(() => {
      expect(simulator.ledger().jobs.map(({ state }) => state)).toEqual(Array(5).fill('cancelled'));
    });
    const group = client.workflow.getHandle(await groupOf(client, pipeline));
    await group.result().catch(() => undefined);
    expect(simulator.ledger().jobs).toHaveLength(5);
  });

  it.each(['before', 'after'])(
    'goes on when its pipeline is reset to %s it began, without a second bill',
    async (when) => {
      const { client, pipelines, key: newKey, simulator } = await pipelineStack();
      const key = newKey();
      simulator.hold();
      const pipeline = await pipelines.start({ plan: planOf(key) }, { key });
      await eventually(() => {
        expect(simulator.ledger().jobs.filter(({ statusCalls }) => statusCalls > 0)).toHaveLength(20);
      });
      const events = await eventsOf(client, pipeline);
      const began = events.findIndex((event) => event.childWorkflowExecutionStartedEventAttributes);
      const tasks = events.flatMap((event, at) => (event.workflowTaskCompletedEventAttributes ? [{ at, event }] : []));
      const to = when === 'before' ? tasks[0] : tasks.find(({ at }) => at > began);
      await client.workflowService.resetWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: key, runId: pipeline.runId },
        workflowTaskFinishEventId: to?.event.eventId as never,
        requestId: `reset-${key}`,
        reason: 'test',
      });
      const again = await pipelines.get(key);
      await eventually(async () => {
        expect((await again.state()).steps[0]?.items?.length).toBe(count);
      });
      simulator.release();
      const result = await again.result();
      const { jobs } = simulator.ledger();
      expect(result.phase).toBe('succeeded');
      expect(jobs.filter(({ chargedUsd }) => chargedUsd > 0)).toHaveLength(count + 1);
    },
  );
});
