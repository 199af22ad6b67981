import { randomUUID } from 'node:crypto';
import { type Client, WorkflowUpdateFailedError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import type { PipelineState } from '../../../domain/pipeline/pipeline-run.ts';
import { checkPlan } from '../../../plans/check-plan.ts';
import { eventually } from '../../support/eventually.ts';
import { checkPipeline, type PipelineStack, pipelineStack, stillAndClip } from '../../support/pipelines.ts';
import { untilAnswered } from '../../support/until-answered.ts';
import { refusedForms } from '../../unit/plans/refused-forms.ts';
import { refusedValues } from '../../unit/plans/refused-values.ts';

const failureOf = async ({ pipelines }: PipelineStack, key: string) =>
  (await (await pipelines.get(key)).result().then(
    () => ({ type: 'none' }),
    (error: unknown) => error,
  )) as { type: string; issues?: { path: string }[] };

/** As another language might: the bytes of the one argument as they are. */
const startRaw = (client: Client, taskQueue: string, key: string, encoding: string, data: string) =>
  client.workflowService.startWorkflowExecution({
    namespace: 'default',
    workflowId: key,
    requestId: randomUUID(),
    workflowType: { name: 'runcomfyPipeline' },
    taskQueue: { name: taskQueue },
    input: { payloads: [{ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) }] },
  });

describe.concurrent('a pipeline that is started over plain Temporal', () => {
  it('ends as InvalidInput by path where its plan is wrong: no child was started, nothing ordered', async () => {
    const stack = await pipelineStack();
    const { client, workers, simulator } = stack;
    // NaN does not travel as JSON; the others are refused whatever a catalogue says.
    const rows = [...refusedForms, ...refusedValues].filter(([what]) => what !== 'a number that is none');
    const wrong = await Promise.all(
      rows.map(async ([, plan, , , params = {}]) => ({ plan, params, ...(await checkPlan(plan, { params })) })),
    );
    const refused = wrong.filter(({ issues }) => issues.length > 0);
    expect(refused.length).toBeGreaterThan(50);
    await Promise.all(
      refused.map(async ({ plan, params, issues }) => {
        const key = stack.key();
        const { taskQueue } = workers;
        await client.workflow.start('runcomfyPipeline', { args: [{ plan, params }], workflowId: key, taskQueue });
        const failure = await failureOf(stack, key);
        expect(failure.type).toBe('InvalidInput');
        expect(failure.issues?.map(({ path }) => path)).toEqual(expect.arrayContaining(issues.map(({ path }) => path)));
        const { events } = await client.workflow.getHandle(key).fetchHistory();
        // What is too large is refused before it is checked, and nobody has said what the server knows.
        const isChecked = events?.some((event) => event.activityTaskScheduledEventAttributes);
        const phases = events?.flatMap(({ upsertWorkflowSearchAttributesEventAttributes: shown }) => {
          const phase = shown?.searchAttributes?.indexedFields?.['RunComfyPhase'];
          return phase ? String(phase.data) : [];
        });
        expect(phases).toEqual(isChecked ? ['"failed"'] : []);
        const children = events?.filter((event) => event.startChildWorkflowExecutionInitiatedEventAttributes);
        expect(children).toEqual([]);
      }),
    );
    expect(simulator.ledger().jobs).toEqual([]);
  });

  it('ends as InvalidInput where its argument is no JSON, or bytes, or names what no key can hold', async () => {
    const stack = await pipelineStack();
    const arguments_ = [
      ['json/plain', '{"plan": oops'],
      ['json/protobuf', '<none>'],
      ['binary/plain', 'x'.repeat(5_000)],
      ['of another world', '\0'],
      // No key can begin like this.
      ['json/plain', JSON.stringify({ plan: stillAndClip('half'), lineage: 'scene \ud83d' })],
    ] as const;
    for (const [encoding, data] of arguments_) {
      const key = stack.key();
      await startRaw(stack.client, stack.workers.taskQueue, key, encoding, data);
      expect((await failureOf(stack, key)).type).toBe('InvalidInput');
      await checkPipeline(stack.client, await stack.pipelines.get(key));
    }
    expect(stack.simulator.ledger().jobs).toEqual([]);
  });
});

describe.concurrent('a running pipeline', () => {
  it('refuses updates that make no sense, ignores such signals, answers any query, and goes on', async () => {
    const { client, pipelines, simulator, key: newKey } = await pipelineStack();
    const key = newKey();
    const { still, clip } = stillAndClip(key).steps;
    const pick = { approval: { choose: ['a', 'b', 'c'], count: 2 }, needs: ['still'] };
    const plan = { version: 1, steps: { still, pick, clip: { ...clip, needs: ['pick'] } } };
    const pipeline = await pipelines.start({ plan }, { key });
    await eventually(async () => {
      expect((await pipeline.state()).steps[1]?.phase).toBe('awaiting_decision');
    });
    const handle = client.workflow.getHandle(key);
    const approve = { step: 'pick', decision: 'approve' };
    const junk: unknown[] = [
      null,
      7,
      'x',
      [],
      {},
      { ...approve, step: 7 },
      { ...approve, step: 'still' },
      { ...approve, step: '__proto__' },
      { ...approve, decision: 'maybe' },
      ...[undefined, 0, [0], [0, 0], [0, 3], [-1, 0], [0.5, 1], ['0', '1'], [0, 1, 2], { 0: 1 }, 'a'].map((choose) => ({
        ...approve,
        choose,
      })),
      { ...approve, choose: Array.from({ length: 10_000 }, (_, index) => index) },
    ];
    for (const payload of junk) {
      await handle.signal('decide', payload);
      const update = handle.executeUpdate('decide', { args: [payload] });
      await expect(update).rejects.toBeInstanceOf(WorkflowUpdateFailedError);
    }
    await handle.signal('nonsense', junk);
    await expect(handle.executeUpdate('nonsense', { args: [7] })).rejects.toThrow();
    const queried = await untilAnswered(() => handle.query<PipelineState, [unknown]>('state', 'junk'));
    expect(queried).toMatchObject({ phase: 'running' });
    const decision = { step: 'pick', decision: 'approve' as const, choose: [2, 0], reason: '\u0000\u202E', by: 'Ada' };
    await untilAnswered(() => pipeline.decide(decision));
    const result = await pipeline.result();
    expect(result.steps['pick']?.choices).toEqual(['c', 'a']);
    expect(simulator.ledger().totals).toMatchObject({ accepted: 2, charged: 2 });
    await checkPipeline(client, pipeline);
  });

  it('takes a cancel of which nothing can be read, and one by signal whatever comes with it', async () => {
    const stack = await pipelineStack({ profiles: { '*': { queueMs: 600_000, runMs: 100 } } });
    const { client, pipelines, simulator, key: newKey } = stack;
    const odd = { reason: 7, detach: 'yes' };
    for (const payload of [7, odd, ['x'], null]) {
      const key = newKey();
      const { still } = stillAndClip(key).steps;
      const pipeline = await pipelines.start({ plan: { version: 1, steps: { still } } }, { key });
      await eventually(async () => {
        expect(Object.values((await pipeline.state()).orders ?? {})[0]?.requestId).toBeDefined();
      });
      const handle = client.workflow.getHandle(key);
      const update = handle.executeUpdate('cancel', { args: [payload] });
      if (payload === odd) {
        await expect(update).rejects.toBeInstanceOf(WorkflowUpdateFailedError);
        await handle.signal('cancel', odd);
        expect(await failureOf(stack, key)).toMatchObject({ type: 'PipelineCancelled' });
      } else {
        expect(await update).toMatchObject({ outcome: 'cancelled' });
      }
      await checkPipeline(client, pipeline);
    }
    expect(simulator.ledger().totals).toMatchObject({ accepted: 4, charged: 0 });
  });
});
