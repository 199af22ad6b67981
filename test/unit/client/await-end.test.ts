import { type Client, ServiceError } from '@temporalio/client';
import { expect, it, onTestFinished, vi } from 'vitest';
import { awaitEnd } from '../../../client/await-end.ts';
import { GenerationError } from '../../../client/errors.ts';
import { grpcCode } from '../../../client/grpc.ts';
import { watchChanges } from '../../../client/watch-changes.ts';

const refusedWith = (code: number, details = 'refused') => {
  const cause = Object.assign(new Error(details), { code, details, metadata: { get: () => [] } });
  return new ServiceError('failed to get the history', { cause });
};

/** Waits for what fails so one time after the other, and then ends. */
function awaited(failures: Error[]) {
  const result = () => {
    const failure = failures.shift();
    return failure ? Promise.reject(failure) : Promise.resolve('the end');
  };
  const client = { workflow: { result } } as unknown as Client;
  return awaitEnd(client, { key: 'k', runId: 'r' }, {}, () => Promise.reject(new Error('it failed')));
}

it.each([
  ['is busy', refusedWith(grpcCode.resourceExhausted)],
  ['is behind a proxy that breaks calls off', refusedWith(grpcCode.internal, 'Received RST_STREAM with code 0')],
])('an end is awaited though Temporal %s', async (_what, failure) => {
  expect(await awaited([failure])).toBe('the end');
});

it('an end that Temporal will never tell is not awaited', async () => {
  const denied = refusedWith(grpcCode.permissionDenied);
  await expect(awaited([denied])).rejects.toBe(denied);
});

it.each(['TemporalBusy', 'TemporalUnreachable'] as const)('%s is not how something ends', async (type) => {
  const away = new GenerationError({ type, message: 'no answer' });
  const states = watchChanges(
    {
      readState: () => Promise.resolve('running'),
      isEnd: () => false,
      awaitEnd: () => Promise.reject(away),
    },
    {},
  );
  const seen = async () => {
    for await (const state of states) expect(state).toBe('running');
  };
  await expect(seen()).rejects.toBe(away);
});

it('an end is awaited anew by one who has waited for ten minutes', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let asked = 0;
  const result = () => {
    asked += 1;
    if (asked > 1) return Promise.resolve('the end');
    vi.advanceTimersByTime(600_000);
    return Promise.reject(refusedWith(grpcCode.unavailable));
  };
  const client = { workflow: { result } } as unknown as Client;
  const end = awaitEnd(client, { key: 'k', runId: 'r' }, {}, () => Promise.reject(new Error('it failed')));
  expect(await end).toBe('the end');
});

it('how something ended is told, though the first question for it is refused', async () => {
  let isOver = false;
  let refusals = 1;
  const readState = () => {
    if (!isOver) return Promise.resolve('running');
    refusals -= 1;
    return refusals < 0 ? Promise.resolve('done') : Promise.reject(refusedWith(grpcCode.resourceExhausted));
  };
  const awaitTheEnd = () => {
    isOver = true;
    return Promise.resolve();
  };
  const seen: string[] = [];
  const watched = { readState, isEnd: () => false, awaitEnd: awaitTheEnd };
  for await (const state of watchChanges(watched, { intervalMs: 10 })) seen.push(state);
  expect(seen.at(-1)).toBe('done');
});
