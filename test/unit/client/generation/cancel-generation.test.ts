import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { expect, it } from 'vitest';
import { cancelGeneration } from '../../../../client/generation/deciding/cancel-generation.ts';
import { grpcCode } from '../../../../client/grpc.ts';

const lost = (code: number) => Object.assign(new Error('the connection is gone'), { code, details: '', metadata: {} });

/** Temporal where a worker takes the cancel, and whatever is awaited or asked of it then is lost with `code`. */
function temporalWhere(code: number, state: object = { phase: 'succeeded' }) {
  const signals: string[] = [];
  const handle = {
    startUpdate: () => Promise.resolve({ result: () => Promise.reject(lost(code)) }),
    query: () => Promise.resolve(state),
    signal: (name: string) => Promise.resolve(void signals.push(name)),
  };
  const client = {
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => handle },
  } as unknown as Client;
  return { client, signals };
}

it.each([grpcCode.unavailable, grpcCode.internal, grpcCode.resourceExhausted])(
  'a cancel that a worker has taken is told as recorded, whatever becomes of its answer: code %i',
  async (code) => {
    const { client, signals } = temporalWhere(code);
    expect(await cancelGeneration(client, 'order-1')).toEqual({ outcome: 'unknown', phase: 'succeeded' });
    expect(signals).toEqual([]);
  },
);

it('a cancel whose answer was lost is told by what became of it', async () => {
  const cancelled = { phase: 'cancelled', cancel: { outcome: 'cancelled' } };
  const { client } = temporalWhere(grpcCode.unavailable, cancelled);
  expect(await cancelGeneration(client, 'order-1')).toEqual({ outcome: 'cancelled', phase: 'cancelled' });

  // Asked for again, it finds that the generation has ended meanwhile; somebody else's cancel would be too late.
  const ended = {
    startUpdate: () => Promise.reject(new WorkflowNotFoundError('ended', 'order-1', undefined)),
    query: () => Promise.resolve(cancelled),
  };
  Object.assign(client, { workflow: { getHandle: () => ended } });
  const outcomeOf = async (isRepeated: boolean) =>
    (await cancelGeneration(client, 'order-1', '', { isRepeated })).outcome;
  expect([await outcomeOf(true), await outcomeOf(false)]).toEqual(['cancelled', 'too_late']);
});

it.each([
  [{ phase: 'failed', submission: 'unknown', cancel: { outcome: 'unknown' } }, 'too_late'],
  [{ phase: 'succeeded', cancel: {} }, 'too_late'],
  [{ phase: 'succeeded', cancel: { outcome: 'not_cancellable' } }, 'not_cancellable'],
])('a cancel that is repeated after the end has an answer, and is not unknown for ever: %o', async (state, outcome) => {
  for (const startUpdate of [
    () => Promise.reject(new WorkflowNotFoundError('ended', 'order-1', undefined)),
    () => Promise.resolve({ result: () => Promise.reject(new WorkflowNotFoundError('ended', 'order-1', undefined)) }),
  ]) {
    const { client } = temporalWhere(grpcCode.unavailable);
    Object.assign(client, { workflow: { getHandle: () => ({ startUpdate, query: () => Promise.resolve(state) }) } });
    const told = await cancelGeneration(client, 'order-1', '', { isRepeated: true });
    expect(told).toEqual({ outcome, phase: state.phase });
  }
});
