import { once } from 'node:events';
import { type Client, ServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { expect, it, onTestFinished, vi } from 'vitest';
import { awaitEnd, type WaitOptions } from '../../../client/await-end.ts';
import { GenerationError } from '../../../client/errors.ts';
import { grpcCode } from '../../../client/grpc.ts';
import { watchChanges } from '../../../client/watch-changes.ts';
import { countReactions } from '../../support/count-reactions.ts';

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
  return awaitEndAt({ workflow: { result } });
}

function awaitEndAt(client: object, options: WaitOptions = {}) {
  const explain = () => Promise.reject(new Error('it failed'));
  return awaitEnd(client as Client, { key: 'k', runId: 'r', firstRunId: 'r' }, options, explain);
}

it.concurrent.each([
  ['is busy', refusedWith(grpcCode.resourceExhausted)],
  ['is behind a proxy that breaks calls off', refusedWith(grpcCode.internal, 'Received RST_STREAM with code 0')],
  ['hangs', refusedWith(grpcCode.deadlineExceeded)],
  ['gives the call up', refusedWith(grpcCode.cancelled, 'context canceled')],
])('an end is awaited though Temporal %s', async (_what, failure) => {
  expect(await awaited([failure])).toBe('the end');
});

it.each([
  ['that Temporal will never tell', refusedWith(grpcCode.permissionDenied)],
  ['that the caller has left', refusedWith(grpcCode.cancelled, 'Cancelled on client')],
])('an end %s is not awaited', async (_what, failure) => {
  await expect(awaited([failure])).rejects.toBe(failure);
});

it.each([Date.now(), new Date()])(
  "an end is awaited no longer than the caller's own deadline: %s",
  async (deadline) => {
    const late = refusedWith(grpcCode.deadlineExceeded);
    const result = () => Promise.reject(late);
    const connection = { callContextStorage: { getStore: () => ({ deadline }) } };
    await expect(awaitEndAt({ workflow: { result }, connection })).rejects.toBe(late);
  },
);

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
  expect(await awaitEndAt({ workflow: { result } })).toBe('the end');
});

it.each([
  ['in vain', 'never'],
  ['anew', 'always'],
  ['anew', 'again while the next call lasts'],
])('an end is awaited %s behind a proxy that keeps each call for long; Temporal is there: %s', async (how, isThere) => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const away = refusedWith(grpcCode.unavailable);
  let asked = 0;
  const result = async () => {
    asked += 1;
    if (asked > 2) return 'the end';
    await vi.advanceTimersByTimeAsync(61_000);
    throw away;
  };
  let looks = 0;
  const describeWorkflowExecution = () => {
    looks += 1;
    const answersNow = isThere === 'always' || (isThere !== 'never' && looks > 1);
    return answersNow ? Promise.resolve({}) : Promise.reject(away);
  };
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_: number, call: () => unknown) => call(),
    workflowService: { describeWorkflowExecution },
    workflow: { result },
  };
  const end = awaitEndAt(client, { patienceMs: 60_000 });
  if (how === 'anew') expect(await end).toBe('the end');
  else await expect(end).rejects.toBe(away);
});

it.each([
  ['refused', refusedWith(grpcCode.resourceExhausted)],
  ['not answered in time', refusedWith(grpcCode.deadlineExceeded)],
  ['given up by the server', refusedWith(grpcCode.cancelled, 'context canceled')],
])('how something ended is told, though the first questions for it are %s', async (_how, failure) => {
  let isOver = false;
  let refusals = 2;
  const readState = () => {
    if (!isOver) return Promise.resolve('running');
    refusals -= 1;
    return refusals < 0 ? Promise.resolve('done') : Promise.reject(failure);
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

it('the waiting for an end is left at once, though the SDK goes on with its call', async () => {
  let fail: ((error: Error) => void) | undefined;
  const result = () =>
    new Promise((_resolve, reject) => {
      fail = reject;
    });
  const within = (_: unknown, call: () => unknown) => call();
  const stop = new AbortController();
  const client = { withAbortSignal: within, withDeadline: within, workflow: { result } };
  const end = awaitEndAt(client, { signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(end).rejects.toThrow('enough');
  // Vitest fails on a rejection that nobody hears.
  fail?.(refusedWith(grpcCode.unavailable));
});

it('of the long polls for an end that is hours away the SDK keeps no more than a few', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const kept = new Map<AbortSignal | undefined, number>();
  let own: AbortSignal | undefined;
  let giveUpAt = Infinity;
  let polls = 0;
  const result = () => {
    while (polls < 540) {
      polls += 1;
      kept.set(own, (kept.get(own) ?? 0) + 1);
      vi.advanceTimersByTime(20_000);
      if (Date.now() >= giveUpAt) return Promise.reject(refusedWith(grpcCode.deadlineExceeded));
    }
    return Promise.resolve('the end');
  };
  const client = {
    options: { namespace: 'default' },
    withAbortSignal(signal: AbortSignal, call: () => unknown) {
      own = signal;
      return call();
    },
    withDeadline(deadline: number, call: () => unknown) {
      giveUpAt = deadline;
      return call();
    },
    workflowService: { describeWorkflowExecution: () => Promise.resolve({}) },
    workflow: { result },
  };
  expect(await awaitEndAt(client, { signal: new AbortController().signal, patienceMs: 0 })).toBe('the end');
  expect([polls, Math.max(...kept.values())]).toEqual([540, 15]);
});

/** Temporal keeps `r` no longer once it was asked for the first round; the newest run of the key is `r2`. */
function awaitedBeyondRetention(firstRunId: string | undefined, refusals: Error[] = []) {
  const { signal } = new AbortController();
  const lost = new WorkflowNotFoundError('gone', 'k', 'r');
  const asked: string[] = [];
  const result = (_key: string, runId: string) => {
    asked.push(runId);
    if (runId === 'r2') return Promise.resolve('the end');
    if (asked.length > 1) return Promise.reject(lost);
    vi.advanceTimersByTime(300_000);
    return Promise.reject(refusedWith(grpcCode.deadlineExceeded));
  };
  const describeWorkflowExecution = () => {
    const refusal = asked.length > 1 && refusals.shift();
    if (refusal) return Promise.reject(refusal);
    const execution = { workflowId: 'k', runId: 'r2' };
    return Promise.resolve({ workflowExecutionInfo: { execution, firstRunId }, pendingActivities: [] });
  };
  const within = (_: unknown, call: () => unknown) => call();
  const client = {
    options: { namespace: 'default' },
    withAbortSignal: within,
    withDeadline: within,
    workflowService: { describeWorkflowExecution },
    workflow: { result },
  };
  return { end: awaitEndAt(client, { signal }), asked, lost };
}

it.each([
  ['at once', []],
  ['once Temporal is no longer busy', [refusedWith(grpcCode.resourceExhausted)]],
])('an end is awaited on, %s, after retention has taken the run that began the chain', async (_when, refusals) => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { end, asked } = awaitedBeyondRetention('r', [...refusals]);
  expect(await end).toBe('the end');
  expect(new Set(asked)).toEqual(new Set(['r', 'r2']));
});

it.each(['another', undefined])(
  'the end of a later run of the key is not taken for the one that was awaited: its chain began with %s',
  async (firstRunId) => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { end, lost } = awaitedBeyondRetention(firstRunId);
    await expect(end).rejects.toBe(lost);
  },
);

it('the end that is awaited remembers nothing of the reads before it', async () => {
  const over = new AbortController();
  const { promise, reactions } = countReactions(once(over.signal, 'abort'));
  let reads = 0;
  const watched = {
    readState: () => Promise.resolve((reads += 1)),
    isEnd: (state: number) => state === 200,
    awaitEnd: () => promise,
  };
  for await (const state of watchChanges(watched, { intervalMs: 1 })) if (state === 200) over.abort();
  expect([reads, reactions()]).toEqual([200, 1]);
});
