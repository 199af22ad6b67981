import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedServer } from '../../../cli/dev-server/server.ts';
import { retryOfRunMemoKey } from '../../../domain/names.ts';
import { eventually } from '../../support/eventually.ts';
import {
  activityFailure,
  endingOf,
  historiesOf,
  reading,
  stateOf,
  untilState,
  withGenerations,
} from '../../support/generations.ts';
import { checkPipeline, pipelineStack, stillAndClip } from '../../support/pipelines.ts';
import { recordHistories } from '../../support/record-history.ts';
import { gate } from '../../support/scripted-generations.ts';
import { startOwnServer } from '../../support/server.ts';
import { untilAnswered } from '../../support/until-answered.ts';

let server: EmbeddedServer;

beforeAll(async () => {
  server = await startOwnServer({ dynamicConfig: ['limit.historyCount.suggestContinueAsNew=60'] });
});
afterAll(async () => {
  await server.stop();
});

describe.concurrent('a generation whose history grows long', () => {
  it('continues as new without losing what it knows, and counts every read', async () => {
    let reads = 0;
    const readStatus = () => {
      reads += 1;
      return Promise.resolve(reading(reads <= 15 ? 'in_progress' : 'finished'));
    };
    await withGenerations(
      { readStatus },
      async (rig) => {
        const handle = await rig.start();
        const { result, state } = await endingOf(handle);
        const runs = await historiesOf(rig.client, handle.workflowId);
        expect(runs.length).toBeGreaterThan(2);
        expect(result).toMatchObject({ requestId: 'request-1', reads: 17, costUsd: 1.26 });
        expect(state.submittedAt).toBeDefined();
        await recordHistories('continued-as-new', runs);
      },
      { address: server.address },
    );
  });

  it('carries a cancel that comes in at any time, and answers its update', async () => {
    let isCancelled = false;
    await withGenerations(
      {
        readStatus: () => Promise.resolve(reading(isCancelled ? 'cancelled' : 'in_queue', { nextReadInMs: 0 })),
        cancelRequest: () => {
          isCancelled = true;
          return Promise.resolve({
            outcome: 'cancelled',
            status: 'cancelled',
            reads: 1,
            readAt: new Date().toISOString(),
          });
        },
      },
      async (rig) => {
        for (let round = 0; round < 8; round += 1) {
          isCancelled = false;
          const handle = await rig.start();
          await untilState(handle, (state) => state.reads > 4 + round);
          const asked = rig.client.workflow.getHandle(handle.workflowId);
          const reply = await asked.executeUpdate('cancel', { args: [{ reason: 'enough' }] });
          expect(reply).toEqual({ outcome: 'cancelled', phase: 'cancelled' });
          expect((await endingOf(asked as typeof handle)).type).toBe('GenerationCancelled');
        }
      },
      { address: server.address },
    );
  });

  it('puts it off while side work is under way, and hears a cancel meanwhile', async () => {
    const stopping = gate();
    let isTold = false;
    let isCancelled = false;
    await withGenerations(
      {
        // Its history grows once it has the message: another run would be told of it else.
        readStatus: () => {
          const nextReadInMs = isTold ? 0 : 600_000;
          return Promise.resolve(reading(isCancelled ? 'cancelled' : 'in_queue', { nextReadInMs }));
        },
        cancelRequest: async ({ requestId }) => {
          if (requestId === 'further') await stopping.pass();
          else isCancelled = true;
          return { outcome: 'cancelled', status: 'cancelled', reads: 1, readAt: new Date().toISOString() };
        },
      },
      async (rig) => {
        const handle = await rig.start();
        const { firstExecutionRunId } = handle;
        await untilState(handle, ({ reads }) => reads > 0);
        await handle.signal('requestAccepted', { firstExecutionRunId, requestId: 'further' });
        isTold = true;
        await handle.signal('nudge');
        const marks = async () => {
          const { events = [] } = await handle.fetchHistory();
          return events?.filter((event) => event.markerRecordedEventAttributes).length ?? 0;
        };
        await eventually(async () => {
          expect(await marks()).toBeGreaterThan(0);
        });
        expect(await handle.executeUpdate('cancel', { args: [] })).toMatchObject({ outcome: 'cancelled' });
        stopping.open();
        const { type, state } = await endingOf(handle);
        expect(type).toBe('GenerationCancelled');
        expect(state.otherRequestIds).toEqual(['further']);
        const runs = await historiesOf(rig.client, handle.workflowId);
        expect(runs).toHaveLength(1);
        await recordHistories('cancelled-before-it-continues', runs);
      },
      { address: server.address },
    );
  });

  it('goes on holding an unknown submission, with the input for a later resubmit, and is no rival of itself', async () => {
    let posts = 0;
    const former = 'the-run-that-cost-nothing';
    await withGenerations(
      {
        submitRequest: (order) => {
          posts += 1;
          expect(order.input).toEqual({ prompt: 'a cat' });
          // Its own earlier runs are newer than that one, too.
          expect(order.retryOfRunId).toBe(posts === 1 ? former : undefined);
          if (posts === 1) return Promise.reject(activityFailure('SubmitOutcomeUnknown', { submission: 'unknown' }));
          return Promise.resolve({
            requestId: 'second',
            submittedAt: new Date().toISOString(),
            nextReadInMs: 20,
            searchAttributes: [],
          });
        },
      },
      async (rig) => {
        const handle = await rig.start(undefined, { memo: { [retryOfRunMemoKey]: former } });
        await untilState(handle, ({ phase }) => phase === 'submission_unknown');
        const anyRun = rig.client.workflow.getHandle(handle.workflowId);
        // Several may come in one workflow task: how many make a history long, nobody can say beforehand.
        await eventually(async () => {
          await anyRun.signal('nudge');
          expect((await anyRun.describe()).runId).not.toBe(handle.firstExecutionRunId);
        });
        expect((await stateOf(anyRun)).phase).toBe('submission_unknown');
        await anyRun.executeUpdate('resolveSubmission', { args: [{ action: 'resubmit' }] });
        expect((await endingOf(anyRun as typeof handle)).result?.requestId).toBe('second');
        expect((await historiesOf(rig.client, handle.workflowId)).length).toBeGreaterThan(1);
      },
      { address: server.address },
    );
  });
});

describe.concurrent('a pipeline whose history grows long', () => {
  it('continues as new while a person decides, and goes on with what was made', async () => {
    const { client, pipelines, simulator, key: newKey } = await pipelineStack({}, server.address);
    const key = newKey();
    const { still, clip } = stillAndClip(key).steps;
    const pick = { approval: { choose: '${{ steps.still.images }}' } };
    const input = { ...clip.input, start_image_url: '${{ steps.pick.choice }}' };
    const plan = { version: 1, steps: { still, pick, clip: { ...clip, input } } };
    const pipeline = await pipelines.start({ plan }, { key });
    await eventually(async () => {
      expect((await pipeline.state()).steps[1]?.phase).toBe('awaiting_decision');
    });
    const anyRun = client.workflow.getHandle(key);
    await eventually(async () => {
      await anyRun.signal('decide', 'junk');
      expect((await anyRun.describe()).runId).not.toBe(pipeline.runId);
    });
    const decided = await pipelines.get(key);
    await eventually(async () => {
      expect((await decided.state()).steps[1]?.phase).toBe('awaiting_decision');
    });
    await untilAnswered(() => decided.decide({ step: 'pick', decision: 'approve', choose: 0 }));
    expect(await pipeline.result()).toMatchObject({ phase: 'succeeded' });
    expect(simulator.ledger().jobs.map(({ input: made }) => made['prompt'])).toEqual([`${key} still`, `${key} clip`]);
    await checkPipeline(client, pipeline, 'continued-as-new');
  });
});
