import { getEventListeners } from 'node:events';
import { ApplicationFailure, type Client, WorkflowUpdateFailedError } from '@temporalio/client';
import { expect, it, onTestFinished, vi } from 'vitest';
import { sendUpdate } from '../../../../client/generation/send-update.ts';

/** A client of which every call ends with the signal that it was made under, as gRPC's do. */
function silentClient(isTaken: boolean) {
  let under: AbortSignal | undefined;
  const untilAborted = () =>
    new Promise<never>((_, reject) => {
      under?.addEventListener('abort', () => {
        reject(new Error('cancelled'));
      });
    });
  const startUpdate = () => (isTaken ? Promise.resolve({ result: untilAborted }) : untilAborted());
  return {
    withAbortSignal: (signal: AbortSignal, call: () => unknown) => {
      under = signal;
      return call();
    },
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ startUpdate }) },
  } as unknown as Client;
}

it.each([true, false])('whoever waits for an update may stop waiting; a worker has it: %s', async (isTaken) => {
  const stop = new AbortController();
  const patience = { takenWithinMs: 60_000, answeredBy: () => performance.now() + 60_000, signal: stop.signal };
  const sent = sendUpdate(silentClient(isTaken), 'k', { name: 'cancel', message: {} }, patience);
  setImmediate(() => {
    stop.abort();
  });
  expect(await sent).toMatchObject({ isTaken, error: { message: 'cancelled' } });
  // Each would be kept for as long as whoever stops all waits lives.
  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
});

it('the answer to an update is awaited no longer though the clock is set back', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const waits: number[] = [];
  const startUpdate = () => {
    vi.setSystemTime(Date.now() - 3_600_000);
    return Promise.resolve({ result: () => Promise.resolve('done') });
  };
  const client = {
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (until: number, call: () => unknown) => {
      waits.push(until - Date.now());
      return call();
    },
    workflow: { getHandle: () => ({ startUpdate }) },
  } as unknown as Client;
  const by = performance.now() + 60_000;
  const patience = { takenWithinMs: 20_000, answeredBy: () => by };
  expect(await sendUpdate(client, 'k', { name: 'cancel', message: {} }, patience)).toEqual({ answer: 'done' });
  expect(waits).toEqual([20_000, 60_000]);
});

it.each([
  ['heard by the next task', 1, { answer: 'done' }],
  ['left as nobody hears it', 9, 'unattended'],
])('an update that its task did not tell the workflow of is sent again: %s', async (_what, unheard, reply) => {
  const ids: string[] = [];
  const startUpdate = (_: string, { updateId }: { updateId: string }) => {
    ids.push(updateId);
    const failure = ApplicationFailure.nonRetryable("it wasn't processed by worker", 'UnprocessedUpdate');
    const refusal = new WorkflowUpdateFailedError('Workflow Update failed', failure);
    return Promise.resolve({
      result: () => (ids.length > unheard ? Promise.resolve('done') : Promise.reject(refusal)),
    });
  };
  const client = {
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ startUpdate }) },
  } as unknown as Client;
  const patience = { takenWithinMs: 1_000, answeredBy: () => performance.now() + 1_000 };
  expect(await sendUpdate(client, 'k', { name: 'cancel', message: {} }, patience)).toEqual(reply);
  expect(ids).toHaveLength(Math.min(unheard + 1, 3));
});
