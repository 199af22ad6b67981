import { defineSearchAttributeKey } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import type { PipelineState } from '../../../domain/pipeline/pipeline-run.ts';
import { eventually, untilSeen } from '../../support/eventually.ts';
import { checkPipeline, type PipelineStack, pipelineStack, stillAndClip, toldState } from '../../support/pipelines.ts';
import { flux, kling } from '../../support/simulator-client.ts';
import { untilAnswered } from '../../support/until-answered.ts';

const still = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });
const clip = (prompt: string, image: string, more: object = {}) => ({
  model: kling,
  input: { prompt, start_image_url: image },
  ...more,
});

async function until(read: () => Promise<PipelineState>, isReached: (state: PipelineState) => boolean) {
  return await untilSeen(async () => {
    const state = await read();
    return isReached(state) ? state : undefined;
  });
}

const failureOf = async (result: Promise<unknown>) =>
  (await result.then(
    () => ({ type: 'none' }),
    (error: unknown) => error,
  )) as { type: string; pipeline?: { steps: Record<string, { phase: string }>; failure?: { type: string } } };

describe.concurrent('a pipeline at run time', () => {
  it('30: text of a param is sent literally; an index beyond the outputs fails who asks, and skips what follows', async () => {
    const { client, pipelines, key: newKey, jobsOf } = await pipelineStack();
    const key = newKey();
    const scene = `${key} \${{ steps.still.image }}`;
    const plan = {
      version: 1,
      params: { scene: { type: 'string' } },
      steps: {
        still: still('${{ params.scene }}', { onFailure: 'continue' }),
        more: clip('x', '${{ steps.still.images[3] }}', { onFailure: 'continue' }),
        after: clip('y', 'https://files.example.com/a.png', { needs: ['more'] }),
      },
    };
    const pipeline = await pipelines.start({ plan, params: { scene } }, { key });
    const result = await pipeline.result();
    expect(jobsOf(scene)).toHaveLength(1);
    expect(result.phase).toBe('partial');
    const [, more, after] = (await toldState(pipeline)).steps;
    expect(more?.failure).toMatchObject({ type: 'InvalidInput', submission: 'not_sent' });
    expect(after).toMatchObject({ phase: 'skipped', reason: 'source more failed' });
    await checkPipeline(client, pipeline, 'partial');
  });

  it('31: the same results and one bill per order although the workers are exchanged while it runs', async () => {
    const {
      client,
      pipelines,
      key: newKey,
      simulator,
      workers,
    } = await pipelineStack({
      profiles: { '*': { queueMs: 600, runMs: 600 } },
    });
    const key = newKey();
    const pipeline = await pipelines.start({ plan: stillAndClip(key) }, { key });
    for (let exchange = 0; exchange < 2; exchange += 1) {
      await workers.stop();
      await workers.start();
    }
    expect((await pipeline.result()).phase).toBe('succeeded');
    expect(simulator.ledger().jobs).toHaveLength(2);
    await checkPipeline(client, pipeline, 'workers-exchanged');
  });

  it('32: a reset to before a step finds what was ordered, and orders nothing', async () => {
    const { client, pipelines, key: newKey, simulator } = await pipelineStack();
    const key = newKey();
    const pipeline = await pipelines.start({ plan: stillAndClip(key) }, { key });
    const result = await pipeline.result();
    const { events } = await client.workflow.getHandle(key).fetchHistory();
    const first = events?.find(({ workflowTaskCompletedEventAttributes: done }) => done);
    await client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: key, runId: pipeline.runId },
      workflowTaskFinishEventId: first?.eventId ?? null,
      requestId: 'reset-1',
      reason: 'test',
    });
    const again = await (await pipelines.get(key)).result();
    expect(again.outputs).toEqual(result.outputs);
    expect(simulator.ledger().jobs).toHaveLength(2);
  });

  it('33, 34: one pipeline for two clients at once; an edited plan waits for its end, then wants a re-run', async () => {
    const { pipelines, key: newKey, simulator } = await pipelineStack();
    simulator.hold();
    const key = newKey();
    const start = () => pipelines.start({ plan: stillAndClip(key) }, { key });
    const [one, other] = await Promise.all([start(), start()]);
    expect(one.runId).toBe(other.runId);
    const edited = () => pipelines.start({ plan: stillAndClip(`${key} edited`) }, { key });
    expect((await failureOf(edited())).type).toBe('StillRunning');
    simulator.release();
    await one.result();
    expect((await failureOf(edited())).type).toBe('KeyInUse');
    expect(simulator.ledger().jobs).toHaveLength(2);
  });

  it('35, 36, 37: equal items are orders of their own; a re-run orders the edited item and what follows it alone', async () => {
    const { client, pipelines, key: newKey, simulator } = await pipelineStack();
    const key = newKey();
    const plan = (items: string[]) => ({
      version: 1,
      steps: {
        stills: still(`${key} \${{ item }}`, { forEach: items }),
        clip: clip(`${key} clip`, '${{ steps.stills.images[0] }}'),
        last: clip(`${key} last`, '${{ steps.stills.images[3] }}'),
      },
    });
    const items = ['same', 'same', 'other', 'first'];
    const first = await (await pipelines.start({ plan: plan(items) }, { key })).result();
    expect(simulator.ledger().jobs).toHaveLength(6);
    const keys = (await toldState(await pipelines.get(key))).steps[0]?.items?.map((item) => item.key?.split('@')[1]);
    expect(keys?.[1]).toBe(`${keys?.[0] ?? ''}.2`);
    const unchanged = await (await pipelines.start({ plan: plan(items) }, { key, rerun: true })).result();
    expect(unchanged).toMatchObject({ outputs: first.outputs, costUsd: 0, steps: { clip: { reused: true } } });
    expect(simulator.ledger().jobs).toHaveLength(6);
    const edited = await pipelines.start({ plan: plan(['same', 'same', 'other', 'edited']) }, { key, rerun: true });
    const { steps } = await edited.result();
    expect(
      simulator
        .ledger()
        .jobs.slice(6)
        .map(({ input }) => input['prompt']),
    ).toEqual([`${key} edited`, `${key} last`]);
    expect(steps).toMatchObject({ clip: { reused: true }, last: { phase: 'succeeded' } });
    await checkPipeline(client, edited, 'fan-out-run-again');
  });

  it('40, 41: a decision is taken once, the same again is answered, another refused; a deadline decides by itself', async () => {
    const { client, pipelines, key: newKey } = await pipelineStack();
    const key = newKey();
    const plan = {
      version: 1,
      steps: {
        pick: { approval: { choose: ['a', 'b'], deadline: '1h' } },
        late: { approval: { choose: ['c', 'd'], deadline: '1s', onDeadline: 'approve' } },
        wait: { approval: { deadline: '1h' }, needs: ['pick'] },
      },
      outputs: { pick: '${{ steps.pick.choice }}', late: '${{ steps.late.by }}' },
    };
    const pipeline = await pipelines.start({ plan }, { key });
    await until(
      () => pipeline.state(),
      ({ steps }) => steps[0]?.phase === 'awaiting_decision' && steps[1]?.phase === 'succeeded',
    );
    const approve = { step: 'pick', decision: 'approve', choose: 1 } as const;
    await untilAnswered(() => pipeline.decide(approve));
    expect((await untilAnswered(() => pipeline.decide(approve))).phase).toBe('running');
    for (const [refused, type] of [
      [{ ...approve, choose: 0 }, 'ResolutionRefused'],
      [{ step: 'pick', decision: 'reject' }, 'ResolutionRefused'],
      [{ step: 'none', decision: 'approve' }, 'StepNotFound'],
    ] as const) {
      const refusal = await untilSeen(async () => {
        const failure = await failureOf(pipeline.decide(refused));
        // A busy machine's worker may need longer than a caller waits for one.
        return failure.type === 'NoWorker' ? undefined : failure.type;
      });
      expect(refusal).toBe(type);
    }
    const handle = client.workflow.getHandle(key);
    const phase = defineSearchAttributeKey('RunComfyPhase', 'KEYWORD');
    expect((await handle.describe()).typedSearchAttributes.get(phase)).toBe('running');
    for (const junk of [undefined, null, 7, 'x', { step: 'wait' }, { step: 'wait', decision: 'maybe' }]) {
      await handle.signal('decide', junk);
      await handle.signal('cancelled', junk);
    }
    await until(
      () => pipeline.state(),
      ({ steps }) => steps[2]?.phase === 'awaiting_decision',
    );
    await handle.signal('decide', { step: 'wait', decision: 'approve', by: 'Ada' });
    expect((await pipeline.result()).outputs).toEqual({ pick: 'b', late: 'deadline' });
    await checkPipeline(client, pipeline, 'approvals');
  });

  it('46: a cancel tells what became of each order, waits for what runs, and orders nothing more', async () => {
    const stack = await pipelineStack({
      profiles: { [flux]: { queueMs: 0, runMs: 100 }, [kling]: { queueMs: 600_000, runMs: 100 } },
    });
    const { pipelines, key: newKey, simulator, client } = stack;
    simulator.hold({ stage: 'run' });
    const key = newKey();
    const plan = {
      version: 1,
      steps: {
        running: still(`${key} running`),
        queued: clip(`${key} queued`, 'https://files.example.com/a.png'),
        waiting: clip(`${key} waiting`, '${{ steps.running.image }}'),
      },
    };
    const pipeline = await pipelines.start({ plan }, { key });
    await until(
      () => pipeline.state(),
      () =>
        simulator.ledger().jobs.length === 2 &&
        simulator.ledger().jobs.some(({ startedAt }) => startedAt !== undefined),
    );
    const { outcome, steps } = await pipeline.cancel({ reason: 'enough' });
    simulator.release();
    expect(outcome).toBe('not_cancellable');
    expect(Object.fromEntries(steps.map((step) => [step.id, step.outcome]))).toEqual({
      running: 'not_cancellable',
      queued: 'cancelled',
      waiting: 'not_submitted',
    });
    const failure = await failureOf(pipeline.result());
    expect(failure).toMatchObject({
      type: 'PipelineCancelled',
      pipeline: {
        steps: { running: { phase: 'succeeded' }, queued: { phase: 'cancelled' }, waiting: { phase: 'not_started' } },
      },
    });
    expect(simulator.ledger().jobs.filter(({ chargedUsd }) => chargedUsd > 0)).toHaveLength(1);
    await checkPipeline(client, pipeline, 'cancelled');
  });

  it('47: a terminated pipeline stops what waits, delivers what runs under its key, and is found by the next run', async () => {
    const stack = await pipelineStack({
      profiles: { [flux]: { queueMs: 0, runMs: 100 }, [kling]: { queueMs: 600_000, runMs: 100 } },
    });
    const { pipelines, key: newKey, simulator, client } = stack;
    simulator.hold({ stage: 'run' });
    const key = newKey();
    const plan = {
      version: 1,
      steps: { running: still(`${key} running`), queued: clip(`${key} queued`, 'https://files.example.com/a.png') },
    };
    const pipeline = await pipelines.start({ plan }, { key });
    await until(
      () => pipeline.state(),
      () =>
        simulator.ledger().jobs.length === 2 &&
        simulator.ledger().jobs.some(({ startedAt }) => startedAt !== undefined),
    );
    await client.workflow.getHandle(key).terminate('test');
    expect((await failureOf(pipeline.result())).type).toBe('PipelineCancelled');
    simulator.release();
    await eventually(() => {
      expect(simulator.ledger().jobs.every(({ finishedAt }) => finishedAt !== undefined)).toBe(true);
    });
    expect(
      simulator
        .ledger()
        .jobs.map(({ chargedUsd }) => chargedUsd > 0)
        .sort(),
    ).toEqual([false, true]);
    const again = await pipelines.start(
      { plan: { ...plan, steps: { running: plan.steps.running } } },
      { key, rerun: true },
    );
    expect((await again.result()).steps['running']?.phase).toBe('succeeded');
    expect(simulator.ledger().jobs).toHaveLength(2);
  });
});

describe.concurrent('junk from others', () => {
  it('ends as InvalidInput, with nothing ordered and no failed workflow task', async () => {
    const { client, workers, simulator, pipelines }: PipelineStack = await pipelineStack();
    const arguments_: unknown[] = [
      undefined,
      null,
      7,
      'x',
      [],
      {},
      { plan: 1 },
      { plan: { version: 1, steps: {} } },
      { plan: {}, x: 1 },
    ];
    await Promise.all(
      arguments_.map(async (argument, index) => {
        const key = `junk-${String(index)}-${workers.taskQueue}`;
        const args = argument === undefined ? [] : [argument];
        await client.workflow.start('runcomfyPipeline', { args, workflowId: key, taskQueue: workers.taskQueue });
        const pipeline = await pipelines.get(key);
        expect(await failureOf(pipeline.result())).toMatchObject({ type: 'InvalidInput' });
        expect((await pipeline.state()).phase).toBe('failed');
        await checkPipeline(client, pipeline);
      }),
    );
    expect(simulator.ledger().jobs).toEqual([]);
  });
});
