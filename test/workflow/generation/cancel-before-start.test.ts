import { randomUUID } from 'node:crypto';
import proto from '@temporalio/proto';
import { describe, expect, it } from 'vitest';
import type { CancelReply } from '../../../domain/generation.ts';
import { eventually } from '../../support/eventually.ts';
import { endingOf, type GenerationRun, happyActivities, withGenerations } from '../../support/generations.ts';

const { UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED: ADMITTED } =
  proto.temporal.api.enums.v1.UpdateWorkflowExecutionLifecycleStage;

describe('a cancel that comes before a worker has seen the generation', () => {
  it('leads to no submit, whichever way it comes, and each of several is told so', async () => {
    let posts = 0;
    const { submitRequest } = happyActivities();
    await withGenerations(
      { submitRequest: (order) => ((posts += 1), submitRequest(order)) },
      async (rig) => {
        const byUpdate = await rig.start();
        const asked: { handle: GenerationRun; updateId: string }[] = [];
        const ask = (handle: GenerationRun) => {
          const updateId = randomUUID();
          asked.push({ handle, updateId });
          return handle.executeUpdate<CancelReply, []>('cancel', { updateId });
        };
        const replies = [byUpdate, byUpdate].map(ask);
        const bySignal = await rig.startWithSignal('cancel', []);
        const byAll = await rig.start();
        await byAll.signal('cancel', { reason: 'by all' });
        replies.push(ask(byAll));
        await byAll.cancel();
        // An update waits at the server until a worker comes; before it has arrived, the server knows nothing of it.
        for (const { handle, updateId } of asked) {
          const updateRef = { workflowExecution: { workflowId: handle.workflowId }, updateId };
          const waitPolicy = { lifecycleStage: ADMITTED };
          await eventually(() =>
            rig.client.workflowService.pollWorkflowExecutionUpdate({ namespace: 'default', updateRef, waitPolicy }),
          );
        }
        await rig.startWorkers();

        for (const reply of await Promise.all(replies)) {
          expect(reply).toEqual({ outcome: 'not_submitted', phase: 'cancelled' });
        }
        for (const handle of [byUpdate, bySignal]) {
          const { type, details } = await endingOf(handle);
          expect(type).toBe('GenerationCancelled');
          expect(details).toMatchObject({ submission: 'not_sent', cancel: { outcome: 'not_submitted' } });
        }
        const { type, state } = await endingOf(byAll);
        expect(type).toBe('Canceled');
        expect(state).toMatchObject({ submission: 'not_sent', cancel: { outcome: 'not_submitted', reason: 'by all' } });
        expect(posts).toBe(0);
      },
      { withoutWorkers: true },
    );
  });

  it('stops a take-over before its first read', async () => {
    let reads = 0;
    const cancelled: string[] = [];
    const { readStatus, cancelRequest } = happyActivities();
    await withGenerations(
      {
        readStatus: (question) => ((reads += 1), readStatus(question)),
        cancelRequest: (question) => (cancelled.push(question.requestId), cancelRequest(question)),
      },
      async (rig) => {
        const handle = await rig.start({ model: 'a/b', requestId: 'made-elsewhere' });
        await handle.signal('cancel');
        await rig.startWorkers();
        const { type, details } = await endingOf(handle);
        expect(type).toBe('GenerationCancelled');
        expect(details).toMatchObject({
          requestId: 'made-elsewhere',
          submission: 'accepted',
          cancel: { outcome: 'cancelled' },
        });
        expect({ reads, cancelled }).toEqual({ reads: 0, cancelled: ['made-elsewhere'] });
      },
      { withoutWorkers: true },
    );
  });
});
