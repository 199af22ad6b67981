import { WorkflowNotFoundError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import type { GenerationError } from '../../../client/index.ts';
import { eventually, untilSeen } from '../../support/eventually.ts';
import { checkPipeline, type PipelineStack, pipelineStack, toldState } from '../../support/pipelines.ts';
import { flux, kling } from '../../support/simulator-client.ts';

const image = 'https://files.example.com/a.png';
const still = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });
const clip = (prompt: string, more: object = {}) => ({
  model: kling,
  input: { prompt, start_image_url: image },
  ...more,
});
const planOf = (steps: Record<string, object>) => ({ version: 1, steps });
const slow = { queueMs: 0, runMs: 600_000 };
const quick = { queueMs: 100, runMs: 100 };
/** These count from the start of an order. Whoever waits for one waits beside the others. */
const deadlines = ['20s', '60s', '120s'];

/** A pipeline after the deadline of an order that was sent before it, for which a machine with much to do needs a longer one. */
async function pastDeadline(stack: PipelineStack, planBy: (key: string, deadline: string) => object) {
  for (const deadline of deadlines) {
    const key = stack.key();
    const pipeline = await stack.pipelines.start({ plan: planBy(key, deadline) }, { key });
    await pipeline.result().catch(() => undefined);
    const jobs = stack.simulator.ledger().jobs.filter(({ input }) => String(input['prompt']).startsWith(key));
    if (stack.jobsOf(key).length > 0) return { pipeline, jobs };
  }
  throw new Error('no order was sent before its deadline');
}

/** The end of a pipeline that fails, by its own error. */
async function failureOf(result: Promise<unknown>): Promise<GenerationError> {
  return (await result.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: unknown) => error,
  )) as GenerationError;
}

describe.concurrent('a further order', () => {
  it('29: output that is missing fails who asks for it, names the source that was paid, and follows the rules of who asked', async () => {
    const { client, pipelines, key: newKey, simulator } = await pipelineStack();
    const key = newKey();
    // The clip's fallback makes images, so that the plan may ask for one.
    const source = clip(`${key} source`, { onFailure: { fallback: [still(`${key} never`)] } });
    const plan = planOf({
      source,
      asks: still(`\${{ steps.source.image }} ${key}`, { onFailure: 'continue' }),
      helped: still(`\${{ steps.source.images[0] }} ${key}`, {
        onFailure: { fallback: [still(`${key} instead`)], then: 'continue' },
      }),
      after: still(`${key} after`, { needs: ['asks'] }),
    });
    const pipeline = await pipelines.start({ plan }, { key });
    const result = await pipeline.result();
    const { jobs } = simulator.ledger();
    expect(result.phase).toBe('partial');
    expect(jobs.map(({ input }) => input['prompt'])).toEqual([`${key} source`, `${key} instead`]);
    const steps = Object.fromEntries((await toldState(pipeline)).steps.map((step) => [step.id, step]));
    expect(steps['source']).toMatchObject({ phase: 'succeeded', requestId: jobs[0]?.id });
    const failure = { type: 'OutputMissing', step: 'source', requestId: jobs[0]?.id, key: steps['source']?.key };
    expect(steps['asks']).toMatchObject({ phase: 'failed', failure });
    expect(steps['asks']?.failure?.message).toContain('step source ended as succeeded without image');
    expect(steps['helped']).toMatchObject({ phase: 'succeeded', attempts: [{ outcome: 'succeeded' }] });
    expect(steps['after']).toMatchObject({ phase: 'skipped', reason: 'source asks failed' });
    await checkPipeline(client, pipeline, 'output-missing');
  });

  it('29: a success without any output is no success: nothing follows it unless twice may be paid', async () => {
    const {
      client,
      pipelines,
      key: newKey,
      simulator,
    } = await pipelineStack({
      faults: [{ fault: 'empty-lists', step: 'result' }],
    });
    const key = newKey();
    const plan = planOf({ still: still(key, { attempts: 3, onFailure: 'continue' }) });
    const pipeline = await pipelines.start({ plan }, { key });
    expect(await pipeline.result()).toMatchObject({ phase: 'partial', steps: { still: { submission: 'accepted' } } });
    expect(simulator.ledger().jobs).toHaveLength(1);
    await checkPipeline(client, pipeline);
  });

  it('42: work that starts between the queue deadline and the cancel goes on, without a fallback, for one bill', async () => {
    const {
      client,
      pipelines,
      key: newKey,
      simulator,
    } = await pipelineStack({
      profiles: { [flux]: { queueMs: 600_000, runMs: 300 } },
      faults: [{ fault: 'cancel-race', step: 'cancel' }],
    });
    const key = newKey();
    const fallback = [still(`${key} never`)];
    const plan = planOf({ still: still(key, { queueDeadline: '1s', onFailure: { fallback } }) });
    const pipeline = await pipelines.start({ plan }, { key });
    const result = await pipeline.result();
    expect(result.steps['still']?.phase).toBe('succeeded');
    const jobs = simulator.ledger().jobs.map(({ input, state }) => ({ prompt: input['prompt'], state }));
    expect(jobs).toEqual([{ prompt: key, state: 'succeeded' }]);
    await checkPipeline(client, pipeline, 'queue-deadline-lost');
  });

  it('a queue deadline that stops the work is followed by a fallback: one order stands cancelled, unbilled', async () => {
    const {
      client,
      pipelines,
      key: newKey,
      simulator,
    } = await pipelineStack({
      profiles: { [kling]: { queueMs: 600_000, runMs: 300 }, [flux]: quick },
    });
    const key = newKey();
    const fallback = [still(`${key} instead`)];
    const plan = planOf({ first: clip(key, { queueDeadline: '1s', attempts: 2, onFailure: { fallback } }) });
    const pipeline = await pipelines.start({ plan }, { key });
    const result = await pipeline.result();
    const [first] = (await toldState(pipeline)).steps;
    expect(first?.attempts?.map(({ outcome }) => outcome)).toEqual([
      'GenerationTimedOut',
      'GenerationTimedOut',
      'succeeded',
    ]);
    expect(first?.attempts?.[1]?.key).toBe(`${first?.attempts?.[0]?.key ?? ''}~2`);
    const { jobs } = simulator.ledger();
    expect(jobs.map(({ state, chargedUsd }) => [state, chargedUsd > 0])).toEqual([
      ['cancelled', false],
      ['cancelled', false],
      ['succeeded', true],
    ]);
    expect(result.costUsd).toBeCloseTo(jobs[2]?.chargedUsd ?? 0, 6);
    await checkPipeline(client, pipeline, 'attempts-and-fallback');
  });

  it('43: a deadline that passes while the work runs is followed by no fallback, since both would be billed', async () => {
    const stack = await pipelineStack({ profiles: { [flux]: slow } });
    const { pipeline, jobs } = await pastDeadline(stack, (key, deadline) => {
      const fallback = [clip(`${key} never`)];
      return planOf({ still: still(key, { deadline, attempts: 2, onFailure: { fallback } }) });
    });
    const { type, pipeline: details } = await failureOf(pipeline.result());
    expect(type).toBe('PipelineFailed');
    expect(details?.failure).toMatchObject({
      type: 'GenerationTimedOut',
      submission: 'accepted',
      cancel: 'not_cancellable',
    });
    expect(jobs).toHaveLength(1);
    await checkPipeline(stack.client, pipeline, 'deadline-of-a-step');
  });

  it('44: where twice may be paid the fallback runs, both stand in the attempts, and a late success is found by its key', async () => {
    const stack = await pipelineStack({ profiles: { [kling]: slow, [flux]: quick } });
    const { client, generations, simulator } = stack;
    const { pipeline, jobs } = await pastDeadline(stack, (key, deadline) => {
      const fallback = [still(`${key} instead`)];
      return planOf({ first: clip(key, { deadline, mayPayTwice: true, onFailure: { fallback } }) });
    });
    const result = await pipeline.result();
    const [first] = (await toldState(pipeline)).steps;
    const [late, succeeded] = first?.attempts ?? [];
    expect([late?.outcome, succeeded?.outcome]).toEqual(['GenerationTimedOut', 'succeeded']);
    expect(jobs).toHaveLength(2);
    expect(result.costUsd).toBeCloseTo(succeeded?.costUsd ?? 0, 6);
    expect(succeeded?.costUsd).toBeCloseTo(jobs[1]?.chargedUsd ?? 0, 6);
    simulator.setProfiles({ [kling]: { queueMs: 0, runMs: 1 } });
    simulator.release(jobs.map(({ id }) => id));
    const given = await generations.get(late?.key ?? '');
    expect((await given.state()).requestId).toBe(jobs[0]?.id);
    await checkPipeline(client, pipeline, 'paid-twice-on-purpose');
  });

  it('45: a submission that is held stays ordered, is told by its generation, and goes on once it is resolved by its key', async () => {
    const {
      client,
      generations,
      pipelines,
      key: newKey,
      simulator,
    } = await pipelineStack({
      faults: [{ fault: 'accept-then-reset', step: 'submit', times: 1 }],
    });
    const key = newKey();
    const plan = planOf({ still: still(key), after: clip(`${key} after`, { needs: ['still'] }) });
    const pipeline = await pipelines.start({ plan, onUnknownSubmission: 'hold' }, { key });
    const { steps, orders } = await untilSeen(async () => {
      const state = await pipeline.state();
      const isHeld = Object.values(state.orders ?? {}).some(({ phase }) => phase === 'submission_unknown');
      return isHeld ? state : undefined;
    });
    const stillKey = steps[0]?.key ?? '';
    expect([steps[0]?.phase, steps[1]?.phase]).toEqual(['ordered', 'waiting']);
    expect(orders?.[stillKey]?.phase).toBe('submission_unknown');
    const [job] = simulator.ledger().jobs;
    const generation = await generations.get(stillKey);
    await generation.resolveSubmission({ action: 'adopt', requestId: job?.id ?? '' });
    const result = await pipeline.result();
    expect(result.steps).toMatchObject({ still: { phase: 'succeeded' }, after: { phase: 'succeeded' } });
    expect(simulator.ledger().jobs.map(({ input }) => input['prompt'])).toEqual([key, `${key} after`]);
    await checkPipeline(client, pipeline, 'held-then-adopted');
  });
});

describe.concurrent('a further run', () => {
  it('38: orders again what is no longer to be had, under a further key', async () => {
    // Of the simulator's own host: only RunComfy's hosts are asked.
    const { client, pipelines, key: newKey, simulator } = await pipelineStack({ switches: { output_host: null } });
    const key = newKey();
    const plan = planOf({ still: still(key) });
    const first = await (await pipelines.start({ plan }, { key })).result();
    simulator.setFaults([{ fault: 'file-404', step: 'file' }]);
    const again = await pipelines.start({ plan }, { key, rerun: true });
    const { steps, costUsd } = await again.result();
    expect(steps['still']?.key).toBe(`${first.steps['still']?.key ?? ''}~2`);
    expect(steps['still']?.reused).toBeUndefined();
    expect(costUsd).toBeGreaterThan(0);
    expect(simulator.ledger().jobs).toHaveLength(2);
    await checkPipeline(client, again, 'output-gone');
  });

  it('39: orders again what Temporal no longer knows', async () => {
    const { client, pipelines, key: newKey, simulator } = await pipelineStack();
    const key = newKey();
    const plan = planOf({ kept: still(`${key} kept`), forgotten: still(`${key} forgotten`) });
    const first = await (await pipelines.start({ plan }, { key })).result();
    const workflowId = first.steps['forgotten']?.key ?? '';
    await client.workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution: { workflowId } });
    await eventually(async () => {
      await expect(client.workflow.getHandle(workflowId).describe()).rejects.toThrow(WorkflowNotFoundError);
    });
    const again = await pipelines.start({ plan }, { key, rerun: true });
    const { steps, phase } = await again.result();
    expect(phase).toBe('succeeded');
    expect(steps).toMatchObject({ kept: { reused: true }, forgotten: { key: workflowId } });
    expect(
      simulator
        .ledger()
        .jobs.map(({ input }) => input['prompt'])
        .sort(),
    ).toEqual([`${key} forgotten`, `${key} forgotten`, `${key} kept`]);
    await checkPipeline(client, again);
  });
});

describe.concurrent('a pipeline that is to end before its orders have', () => {
  it("does by its deadline and by Temporal's cancellation; with detach at once, though what runs is delivered", async () => {
    const queued = { queueMs: 600_000, runMs: 100 };
    const stack = await pipelineStack({ profiles: { [flux]: queued, [kling]: { queueMs: 0, runMs: 100 } } });
    const { client, generations, pipelines, simulator, jobsOf } = stack;
    simulator.hold({ stage: 'run' });
    const start = async (order: (prompt: string) => object, deadlineMs?: number) => {
      const key = stack.key();
      const plan = planOf({ first: order(key), after: still(`${key} after`, { needs: ['first'] }) });
      return await pipelines.start({ plan, ...(deadlineMs !== undefined && { deadlineMs }) }, { key });
    };
    const [late, cancelled, detached] = await Promise.all([start(still, 20_000), start(still), start(clip)]);
    await eventually(() => {
      expect(jobsOf(cancelled.key)).toHaveLength(1);
      expect(jobsOf(detached.key)[0]?.startedAt).toBeDefined();
    });
    await client.workflow.getHandle(cancelled.key).cancel();
    const reply = await detached.cancel({ detach: true });
    expect(reply.outcome).toBe('not_cancellable');
    const types = await Promise.all(
      [late, cancelled, detached].map(async (pipeline) => (await failureOf(pipeline.result())).type),
    );
    expect(types).toEqual(['PipelineTimedOut', 'PipelineCancelled', 'PipelineCancelled']);
    expect((await client.workflow.getHandle(cancelled.key).describe()).status.name).toBe('CANCELLED');
    const [running] = jobsOf(detached.key);
    expect(running?.finishedAt).toBeUndefined();
    simulator.release();
    const [{ key = '' } = {}] = reply.steps;
    expect((await generations.result(key)).requestId).toBe(running?.id);
    await eventually(() => {
      expect([late, cancelled].flatMap((pipeline) => jobsOf(pipeline.key)).map(({ state }) => state)).not.toContain(
        'in_queue',
      );
    });
    const { jobs, totals } = simulator.ledger();
    expect(totals.charged).toBe(1);
    expect(jobs.filter(({ input }) => String(input['prompt']).endsWith(' after'))).toEqual([]);
    await checkPipeline(client, late, 'deadline-of-the-pipeline');
    await checkPipeline(client, cancelled, 'cancelled-by-temporal');
    await checkPipeline(client, detached, 'cancelled-detached');
  });
});
