import { type Client, ServiceError } from '@temporalio/client';
import { expect, it } from 'vitest';
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
