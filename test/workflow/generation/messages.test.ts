import { randomUUID } from 'node:crypto';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import { describe, expect, it } from 'vitest';
import { untilSeen } from '../../support/eventually.ts';
import {
  endingOf,
  happyActivities,
  order,
  reading,
  stateOf,
  untilState,
  withGenerations,
} from '../../support/generations.ts';

const { UpdateWorkflowExecutionLifecycleStage } = proto.temporal.api.enums.v1;
const longWait = {
  readStatus: () => Promise.resolve(reading('in_queue', { nextReadInMs: 600_000, queuePosition: 3 })),
};

describe('what comes from outside', () => {
  it('ends as InvalidInput, with every problem named, when the argument is junk', async () => {
    await withGenerations({}, async (rig) => {
      const junk: [unknown, string][] = [
        [null, 'request'],
        ['generate', 'request'],
        [[order], 'request'],
        [{ ...order, model: '../etc' }, 'request.model'],
        [{ ...order, input: 'a cat' }, '$'],
        [{ model: order.model }, '$'],
        [{ ...order, input: { seed: 2 ** 60 } }, '$.seed'],
        [{ ...order, deadlineMs: 0 }, 'request.deadlineMs'],
        [{ ...order, onUnknownSubmission: 'again' }, 'request.onUnknownSubmission'],
        [{ ...order, onCancelWhileRunning: true }, 'request.onCancelWhileRunning'],
        [{ ...order, waiting: { preset: 'fast' } }, 'request.waiting.preset'],
        [{ ...order, requestId: 'a/b' }, 'request.requestId'],
        [{ ...order, retries: 3 }, 'request.retries'],
      ];
      for (const [argument, path] of junk) {
        const { type, details, state } = await endingOf(await rig.start(argument));
        expect(type).toBe('InvalidInput');
        expect(details).toMatchObject({ phase: 'failed', submission: 'not_sent', issues: [{ path }] });
        expect(state.failure?.type).toBe('InvalidInput');
      }
      expect((await endingOf(await rig.start(undefined, { args: [] }))).type).toBe('InvalidInput');
    });
  });

  it('ends as InvalidInput when the argument is no JSON, or bytes', async () => {
    await withGenerations({}, async (rig) => {
      for (const [encoding, data] of [
        ['json/plain', '{"model": oops'],
        ['json/protobuf', '<none>'],
        ['binary/plain', 'x'.repeat(5_000)],
        ['binary/protobuf', '\0'],
        ['of another world', '\0'],
      ] as const) {
        const workflowId = `generation-${randomUUID()}`;
        await rig.client.workflowService.startWorkflowExecution({
          namespace: 'default',
          workflowId,
          requestId: randomUUID(),
          workflowType: { name: 'runcomfyGeneration' },
          taskQueue: { name: rig.taskQueue },
          input: { payloads: [{ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) }] },
        });
        const handle = rig.adopt(workflowId);
        expect((await endingOf(handle)).type).toBe('InvalidInput');
      }
    });
  });

  it('is junk as any other when its encoding is not known here: in a signal, an update and the memo', async () => {
    await withGenerations(longWait, async (rig) => {
      const workflowId = `generation-${randomUUID()}`;
      const encodings = ['binary/protobuf', 'json/protobuf', 'binary/encrypted', 'of another world', ''];
      const payloads = encodings.map((encoding) => ({
        metadata: encoding === '' ? {} : { encoding: Buffer.from(encoding) },
        data: Buffer.from('\0'),
      }));
      const to = { namespace: 'default', workflowExecution: { workflowId } };
      await rig.client.workflowService.startWorkflowExecution({
        namespace: 'default',
        workflowId,
        requestId: randomUUID(),
        workflowType: { name: 'runcomfyGeneration' },
        taskQueue: { name: rig.taskQueue },
        input: { payloads: [defaultPayloadConverter.toPayload(order)] },
      });
      const handle = rig.adopt(workflowId);
      await untilState(handle, ({ reads }) => reads === 1);
      for (const [index, payload] of payloads.entries()) {
        await rig.client.workflowService.signalWorkflowExecution({
          ...to,
          signalName: index % 2 === 0 ? 'requestAccepted' : 'nudge',
          input: { payloads: [payload] },
        });
        const update = { meta: { updateId: randomUUID() }, input: { name: 'resolveSubmission', args: { payloads } } };
        // A server that waits for too long answers without an outcome.
        const outcome = await untilSeen(async () => {
          const reply = await rig.client.workflowService.updateWorkflowExecution({
            ...to,
            request: update,
            waitPolicy: {
              lifecycleStage: UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
            },
          });
          return reply.outcome ?? undefined;
        });
        expect(outcome.failure?.message).toContain('nothing to resolve');
      }
      await rig.client.workflowService.signalWorkflowExecution({ ...to, signalName: 'cancel', input: { payloads } });
      const { type, state } = await endingOf(handle);
      expect(type).toBe('GenerationCancelled');
      expect(state).toMatchObject({ requestId: 'request-1', cancel: { outcome: 'cancelled' } });
      expect(state.otherRequestIds).toBeUndefined();

      const withMemo = `generation-${randomUUID()}`;
      await rig.client.workflowService.startWorkflowExecution({
        namespace: 'default',
        workflowId: withMemo,
        requestId: randomUUID(),
        workflowType: { name: 'runcomfyGeneration' },
        taskQueue: { name: rig.taskQueue },
        input: { payloads: [defaultPayloadConverter.toPayload(order)] },
        memo: { fields: { retryOfRunId: payloads[0] ?? {}, another: payloads[2] ?? {} } },
      });
      const other = rig.client.workflow.getHandle(withMemo);
      await other.signal('cancel');
      await expect(other.result()).rejects.toMatchObject({ cause: { type: 'GenerationCancelled' } });
    });
  });

  it('takes an absent field that another language sends as null', async () => {
    await withGenerations({}, async (rig) => {
      const handle = await rig.start({ ...order, requestId: null, deadlineMs: null, waiting: null });
      expect((await endingOf(handle)).result?.requestId).toBe('request-1');
    });
  });

  it('is ignored, and fails no workflow task, when a signal carries junk', async () => {
    await withGenerations(longWait, async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ reads }) => reads === 1);
      await handle.signal('requestAccepted');
      await handle.signal('requestAccepted', 7);
      await handle.signal('requestAccepted', { firstExecutionRunId: 'another', requestId: 'stolen' });
      await handle.signal('nudge', { any: 'thing' });
      await handle.signal('no-such-signal', 1);
      await untilState(handle, ({ reads }) => reads === 2);
      expect(await stateOf(handle)).toMatchObject({ phase: 'in_queue', requestId: 'request-1', queuePosition: 3 });
      await handle.signal('cancel', [1, 2], 'junk');
      const { type, state } = await endingOf(handle);
      expect(type).toBe('GenerationCancelled');
      expect(state.cancel).toMatchObject({ outcome: 'cancelled' });
      expect(state.cancel?.reason).toBeUndefined();
    });
  });

  it('is refused with a reason when an update makes no sense', async () => {
    await withGenerations(longWait, async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ reads }) => reads === 1);
      for (const payload of [undefined, null, 'adopt', { action: 'adopt' }, { action: 'resubmit' }]) {
        const refused = handle.executeUpdate('resolveSubmission', { args: [payload] });
        await expect(refused).rejects.toThrow(WorkflowUpdateFailedError);
      }
      await handle.executeUpdate('cancel', { args: [null] });
      expect((await endingOf(handle)).type).toBe('GenerationCancelled');
    });
  });

  it('can be a cancel that is there before any code runs: nothing is sent', async () => {
    let posts = 0;
    const { submitRequest } = happyActivities();
    const counted = {
      submitRequest: (paid: Parameters<typeof submitRequest>[0]) => ((posts += 1), submitRequest(paid)),
    };
    await withGenerations(
      counted,
      async (rig) => {
        const bySignal = await rig.startWithSignal('cancel', [{ reason: 'never mind' }]);
        const byWorkflow = await rig.start();
        await byWorkflow.cancel();
        await rig.startWorkers();
        const signalled = await endingOf(bySignal);
        expect(signalled).toMatchObject({ type: 'GenerationCancelled', details: { submission: 'not_sent' } });
        expect(signalled.state.cancel).toMatchObject({ outcome: 'not_submitted', reason: 'never mind' });
        const cancelled = await endingOf(byWorkflow);
        expect(cancelled).toMatchObject({
          type: 'Canceled',
          state: { phase: 'cancelled', cancel: { outcome: 'not_submitted' } },
        });
        expect(posts).toBe(0);
      },
      { withoutWorkers: true },
    );
  });

  it('keeps the reason of a cancel, cut between two characters where it is long', async () => {
    await withGenerations({}, async (rig) => {
      for (const [reason, kept] of [
        [`${'x'.repeat(999)}😀 and on`, `${'x'.repeat(999)}…`],
        ['half a 😀'.slice(0, -1), 'half a \uFFFD'],
      ]) {
        const { state } = await endingOf(await rig.startWithSignal('cancel', [{ reason }]));
        expect(state.cancel?.reason).toBe(kept);
      }
    });
  });

  it('reads at once on a nudge', async () => {
    await withGenerations(longWait, async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ reads }) => reads === 1);
      await handle.signal('nudge');
      await untilState(handle, ({ reads }) => reads === 2);
      await handle.cancel();
      await endingOf(handle);
    });
  });
});
