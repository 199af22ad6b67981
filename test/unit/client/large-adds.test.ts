import { ApplicationFailure, type Client, WorkflowUpdateFailedError } from '@temporalio/client';
import { expect, it, onTestFinished, vi } from 'vitest';
import { addToBatch } from '../../../client/batch/telling/tell-batch.ts';

const cause = ApplicationFailure.create({ type: 'ServiceUnavailable', message: 'no room' });
const full = new WorkflowUpdateFailedError('refused', cause);

/** A batch that answers nothing by itself, and what it was told. */
function silentBatch() {
  const answers: ((answer: object | Promise<never>) => void)[] = [];
  const startUpdate = () => {
    const answer = new Promise<object>((resolve) => answers.push(resolve));
    return Promise.resolve({ result: () => answer });
  };
  const client = {
    options: { namespace: 'default' },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ startUpdate }) },
  } as unknown as Client;
  const sent = async (count: number) => {
    await vi.waitFor(() => {
      expect(answers).toHaveLength(count);
    });
  };
  return { client, answers, sent };
}

const large = (id: string) => ({ from: 0, items: [{ id, input: { prompt: 'x'.repeat(256 * 1024) } }] });

/** What has become of a promise by now. */
function watched<T>(promise: Promise<T>) {
  const seen: { is?: unknown } = {};
  promise.then(
    (value) => (seen.is = value),
    (error: unknown) => (seen.is = error),
  );
  return seen;
}

it('lets nobody wait in line for longer than for a worker, and has him wait as long for room after it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { client, answers, sent } = silentBatch();
  const first = addToBatch(client, 'k', large('first'));
  await sent(1);
  const late = watched(addToBatch(client, 'k', large('late')));
  await vi.advanceTimersByTimeAsync(1_000);
  const last = watched(addToBatch(client, 'k', large('last')));
  await vi.advanceTimersByTimeAsync(59_800);
  expect(late.is).toMatchObject({ type: 'TemporalBusy', key: 'k' });
  expect(answers).toHaveLength(1);
  answers[0]?.({ count: 1 });
  expect(await first).toEqual({ count: 1 });
  await sent(2);
  answers[1]?.(Promise.reject(full));
  await sent(3);
  answers[2]?.({ count: 2 });
  await vi.waitFor(() => {
    expect(last.is).toEqual({ count: 2 });
  });
});

it('keeps the place of what is under way though its sender has left, and tells him at once', async () => {
  const { client, answers, sent } = silentBatch();
  const over = new AbortController();
  const left = watched(addToBatch(client, 'other', large('left'), { leaving: over.signal }));
  const next = addToBatch(client, 'other', large('next'));
  await sent(1);
  over.abort(new Error('left'));
  await vi.waitFor(() => {
    expect(left.is).toMatchObject({ message: 'left' });
  });
  expect(answers).toHaveLength(1);
  answers[0]?.({ count: 1 });
  await sent(2);
  answers[1]?.({ count: 2 });
  expect(await next).toEqual({ count: 2 });
});
