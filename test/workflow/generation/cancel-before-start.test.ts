import { describe, expect, it } from 'vitest';
import type { CancelReply } from '../../../domain/generation.ts';
import { endingOf, happyActivities, withGenerations } from '../../support/generations.ts';

describe('a cancel that comes before a worker has seen the generation', () => {
  it('leads to no submit, whichever way it comes, and each of several is told so', async () => {
    let posts = 0;
    const { submitRequest } = happyActivities();
    await withGenerations(
      { submitRequest: (order) => ((posts += 1), submitRequest(order)) },
      async (rig) => {
        const byUpdate = await rig.start();
        const replies = [byUpdate, byUpdate].map((handle) => handle.executeUpdate<CancelReply, []>('cancel'));
        const bySignal = await rig.startWithSignal('cancel', []);
        const byAll = await rig.start();
        await byAll.signal('cancel', { reason: 'by all' });
        replies.push(byAll.executeUpdate<CancelReply, []>('cancel'));
        await byAll.cancel();
        // An update waits at the server until a worker comes.
        await new Promise((resolve) => setTimeout(resolve, 500));
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
