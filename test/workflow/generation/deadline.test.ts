import { tsToMs } from '@temporalio/common/lib/time.js';
import { describe, expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import type { CancelAnswer } from '../../../domain/activities.ts';
import { eventually } from '../../support/eventually.ts';
import { activityFailure, endingOf, output, reading, untilState } from '../../support/generations.ts';
import { accepted, gate, scriptedGenerations } from '../../support/scripted-generations.ts';

const generations = scriptedGenerations();
const { start } = generations;

/** Long enough for a submit before it, however busy the machine is; all these tests wait for it at once. */
const deadlineMs = 30_000;

const answer = (outcome: CancelAnswer['outcome'], status: NonNullable<CancelAnswer['status']>) => () =>
  Promise.resolve({ outcome, status, reads: 1, readAt: new Date().toISOString() });
const waiting = (status: 'in_queue' | 'in_progress') => () =>
  Promise.resolve(reading(status, { nextReadInMs: 600_000 }));

describe.concurrent('a deadline that passes', () => {
  it('while a submit waits for Retry-After: nothing was sent', async () => {
    const more = { retryable: true, nextRetryDelay: 600_000 };
    const submitRequest = () => Promise.reject(activityFailure('RateLimited', { submission: 'refused' }, more));
    const { handle } = await start({ submitRequest }, { deadlineMs });
    const { type, message, details } = await endingOf(handle);
    expect(type).toBe('GenerationTimedOut');
    expect(message).toContain('before the order could be sent');
    expect(details).toMatchObject({ phase: 'timed_out', submission: 'not_sent' });
    expect(details?.requestId).toBeUndefined();
  });

  it('while a submit is in flight: it is finished, then its id is cancelled', async () => {
    const sending = gate();
    const cancelled: string[] = [];
    const { handle, name } = await start(
      {
        submitRequest: ({ input }) => sending.pass().then(() => accepted(`${String(input['name'])}--1`)),
        readStatus: waiting('in_queue'),
        cancelled,
      },
      { deadlineMs },
    );
    await sending.reached;
    await eventually(async () => {
      const { events } = await handle.fetchHistory();
      const passed = events?.findIndex((event) => event.timerFiredEventAttributes) ?? -1;
      expect(passed).toBeGreaterThan(0);
      expect(events?.slice(passed).some((event) => event.workflowTaskCompletedEventAttributes)).toBe(true);
    });
    expect(cancelled).toEqual([]);
    sending.open();
    const { type, details } = await endingOf(handle);
    expect(type).toBe('GenerationTimedOut');
    expect(details).toMatchObject({
      phase: 'timed_out',
      submission: 'accepted',
      requestId: `${name}--1`,
      cancel: { outcome: 'cancelled', reason: 'deadline' },
    });
    expect(cancelled).toEqual([`${name}--1`]);
  });

  it('while the request is queued: RunComfy stops it, and it is no cancel but a timeout', async () => {
    let reads = 0;
    const { handle, name } = await start(
      { readStatus: () => ((reads += 1), waiting('in_queue')()) },
      { deadlineMs, onCancelWhileRunning: 'detach' },
    );
    const { type, message, details, state } = await endingOf(handle);
    expect(type).toBe('GenerationTimedOut');
    expect(message).toContain('in queue');
    expect(message).toContain(`${name}--1`);
    expect(details).toMatchObject({ requestId: `${name}--1`, cancel: { outcome: 'cancelled', reason: 'deadline' } });
    expect(state.phase).toBe('timed_out');
    expect(reads).toBe(1);
  });

  it('while the work runs on: it looks once more and names the request that may be billed', async () => {
    let reads = 0;
    const { handle, name } = await start(
      {
        readStatus: () => ((reads += 1), waiting('in_progress')()),
        cancelRequest: answer('not_cancellable', 'in_progress'),
      },
      { deadlineMs },
    );
    const { type, details, state } = await endingOf(handle);
    expect(type).toBe('GenerationTimedOut');
    expect(details).toMatchObject({ requestId: `${name}--1`, cancel: { outcome: 'not_cancellable' } });
    expect(reads).toBe(2);
    expect(state.reads).toBe(3);
  });

  it('as the work has just finished: the result is delivered', async () => {
    const { handle } = await start(
      { readStatus: waiting('in_progress'), cancelRequest: answer('not_cancellable', 'finished') },
      { deadlineMs },
    );
    const { result, state } = await endingOf(handle);
    expect(result?.output).toEqual(output);
    expect(state).toMatchObject({ phase: 'succeeded', cancel: { reason: 'deadline' } });
  });

  it('as the work has just failed: the truth is told', async () => {
    const fetchResult = () =>
      Promise.resolve({ status: 'failed' as const, reason: 'policy', reads: 1, readAt: new Date().toISOString() });
    const { handle } = await start(
      { readStatus: waiting('in_progress'), cancelRequest: answer('not_cancellable', 'finished'), fetchResult },
      { deadlineMs },
    );
    const { type, details } = await endingOf(handle);
    expect({ type, vendorMessage: details?.vendorMessage }).toEqual({
      type: 'GenerationFailed',
      vendorMessage: 'policy',
    });
  });

  it('while a result lags behind: it looks once more, and ends with the request id', async () => {
    let results = 0;
    const cancelled: string[] = [];
    const { handle, name } = await start(
      {
        readStatus: () => Promise.resolve(reading('finished')),
        fetchResult: () => {
          results += 1;
          const readAt = new Date().toISOString();
          return Promise.resolve({ status: 'not_ready', nextReadInMs: 600_000, reads: 1, readAt });
        },
        cancelled,
      },
      { deadlineMs },
    );
    const { type, message, details } = await endingOf(handle);
    expect(type).toBe('GenerationTimedOut');
    expect(message).toContain('fetching result');
    expect(details).toMatchObject({ requestId: `${name}--1`, submission: 'accepted' });
    expect(results).toBe(2);
    expect(cancelled).toEqual([]);
  });

  it('while reads fail: the outage is cut short, and the last look comes to an end', async () => {
    const outOfOrder = () => Promise.reject(activityFailure('ServiceUnavailable', {}, { retryable: true }));
    const { handle, name } = await start(
      {
        readStatus: outOfOrder,
        fetchResult: outOfOrder,
        cancelRequest: answer('not_cancellable', 'in_progress'),
      },
      { deadlineMs },
    );
    const { type, details } = await endingOf(handle);
    expect(type).toBe('GenerationTimedOut');
    expect(details).toMatchObject({ requestId: `${name}--1`, submission: 'accepted' });
  });

  it('after a cancel that could not stop the work: RunComfy is not asked again', async () => {
    const cancelled: string[] = [];
    const { handle } = await start(
      {
        readStatus: waiting('in_progress'),
        cancelRequest: answer('not_cancellable', 'in_progress'),
        cancelled,
      },
      { deadlineMs },
    );
    await untilState(handle, ({ reads }) => reads > 0);
    expect(await handle.executeUpdate('cancel', { args: [{ reason: 'mine' }] })).toMatchObject({
      outcome: 'not_cancellable',
    });
    const { type, details } = await endingOf(handle);
    expect(type).toBe('GenerationTimedOut');
    expect(details?.cancel).toMatchObject({ outcome: 'not_cancellable', reason: 'mine' });
    expect(cancelled).toHaveLength(1);
  });

  it('while RunComfy cannot be asked to stop: that is said too', async () => {
    const { handle } = await start(
      {
        readStatus: waiting('in_progress'),
        cancelRequest: () => Promise.reject(activityFailure('ServiceUnavailable', { reads: 2 })),
      },
      { deadlineMs },
    );
    const { type, details, state } = await endingOf(handle);
    expect(type).toBe('GenerationTimedOut');
    expect(details?.cancel).toMatchObject({ outcome: 'unknown', reason: 'deadline' });
    expect(state.reads).toBe(4);
  });
});

describe.concurrent('a queue deadline that passes', () => {
  const queueDeadlineMs = 500;

  it('while the work waits: RunComfy stops it, and the end says why', async () => {
    const cancelled: string[] = [];
    const { handle, name } = await start({ readStatus: waiting('in_queue'), cancelled }, { queueDeadlineMs });
    const { type, message, details, state } = await endingOf(handle);
    expect(type).toBe('GenerationTimedOut');
    expect(message).toContain('at its queue deadline');
    const cancel = { outcome: 'cancelled', reason: 'queue_deadline' };
    expect(details).toMatchObject({ requestId: `${name}--1`, reason: 'queue_deadline', cancel });
    expect(state.phase).toBe('timed_out');
    expect(cancelled).toEqual([`${name}--1`]);
  });

  it('while RunComfy cannot be asked to stop: it is asked once, and the work is waited for', async () => {
    let asked = 0;
    let readsSince = 0;
    const readStatus = () => {
      if (asked === 0) return waiting('in_queue')();
      readsSince += 1;
      return Promise.resolve(reading(readsSince < 3 ? 'in_queue' : 'finished'));
    };
    const cancelRequest = () => {
      asked += 1;
      return Promise.reject(activityFailure('ServiceUnavailable', { reads: 2 }));
    };
    const { handle } = await start({ readStatus, cancelRequest }, { queueDeadlineMs });
    const { result, state } = await endingOf(handle);
    expect(result?.output).toEqual(output);
    expect(state.phase).toBe('succeeded');
    expect(state.cancel).toBeUndefined();
    expect(asked).toBe(1);
  });
});

describe.concurrent('a deadline', () => {
  it('counts from the start, and lies a day ahead unless given', async () => {
    for (const [request, ms] of [
      [{ deadlineMs: 3_600_000 }, 3_600_000],
      [{}, 86_400_000],
    ] as const) {
      const { handle } = await start({}, request);
      const { state } = await endingOf(handle);
      const { startTime } = await handle.describe();
      expect(Math.abs(Date.parse(state.deadlineAt) - startTime.getTime() - ms)).toBeLessThan(60_000);
    }
  });

  it('leaves time before the timeout of its run, which begins once a delayed start is over', async () => {
    const delayMs = 2_000;
    for (const [timeouts, latestMs] of [
      [{ workflowRunTimeout: 600_000 }, delayMs + 600_000 - 90_000],
      [{ workflowRunTimeout: 300_000 }, delayMs + 300_000 * 0.75],
      [{ workflowExecutionTimeout: 600_000 }, 600_000 - 90_000],
    ] as const) {
      const { request } = generations.script({});
      const handle = await generations.rig().start(request, { startDelay: delayMs, ...timeouts });
      const { state } = await endingOf(handle);
      const { events } = await handle.fetchHistory();
      const { eventTime, workflowExecutionStartedEventAttributes: started } = events?.[0] ?? {};
      // The server takes the end of an execution from its clock by itself.
      const endsAt = started?.workflowExecutionExpirationTime;
      const startedAt = 'workflowExecutionTimeout' in timeouts ? tsToMs(endsAt) - 600_000 : tsToMs(eventTime);
      // Temporal's times are finer than milliseconds.
      expect(Math.abs(Date.parse(state.deadlineAt) - startedAt - latestMs)).toBeLessThanOrEqual(1);
    }
  });

  it('is told with the beginning of a start that is delayed, before which nothing is sent, though workers are there', async () => {
    const { request } = generations.script({});
    const { client, taskQueue, start: begin } = generations.rig();
    const handle = await begin(request, { startDelay: 3_600_000 });
    const generation = await createGenerationClient({ client, taskQueue }).get(handle.workflowId);
    const state = await generation.state();
    const { startTime } = await handle.describe();
    expect(state).toMatchObject({ phase: 'submitting', submission: 'not_sent', isFromServer: true });
    const beginsMs = Date.parse(state.beginsAt ?? '');
    expect(Math.abs(beginsMs - startTime.getTime() - 3_600_000)).toBeLessThanOrEqual(1);
    expect(Math.abs(Date.parse(state.deadlineAt) - beginsMs - 86_400_000)).toBeLessThanOrEqual(1);
    await handle.terminate();
  });
});
