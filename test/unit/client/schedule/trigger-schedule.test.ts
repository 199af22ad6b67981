import type { Client, ScheduleHandle } from '@temporalio/client';
import { describe, expect, it, vi } from 'vitest';
import { grpcCode } from '../../../../client/grpc.ts';
import { triggerSchedule } from '../../../../client/schedule/trigger-schedule.ts';
import { hangMs } from '../../../support/patience.ts';

interface Asked {
  patch: { triggerImmediately: { scheduledTime: { seconds: { toNumber: () => number }; nanos: number } } };
}
/** What a server makes of a trigger: at which time each firing stands that follows, and under which second's key. */
interface Made {
  second: number;
  nanos: number;
}

const away = (code: number) => Object.assign(new Error('away'), { code, details: 'away', metadata: {} });
const looksOnce = { seenWithinMs: 0, outrunAfterMs: 0 };
const looksOn = { seenWithinMs: hangMs, outrunAfterMs: 0 };
const everyMinute = { intervals: [{ every: 60_000, offset: 0 }] };

/** A server with a schedule that has fired before; `patched` fires, `failsFor` looks fail after it was asked. */
function serverThat(
  patched: (asked: Made) => Made[],
  { failsFor = 0, refuses, spec = {} }: { failsFor?: number; refuses?: Error; spec?: object } = {},
) {
  const made: Made[] = [{ second: 60, nanos: 5 }];
  let asked = 0;
  let looks = 0;
  const client = {
    options: { namespace: 'default', identity: 'test' },
    workflowService: {
      describeWorkflowExecution: () => Promise.reject(away(grpcCode.notFound)),
      patchSchedule: ({ patch }: Asked) => {
        asked += 1;
        const { seconds, nanos } = patch.triggerImmediately.scheduledTime;
        made.push(...patched({ second: seconds.toNumber(), nanos }));
        return refuses === undefined ? Promise.resolve({}) : Promise.reject(refuses);
      },
    },
  } as unknown as Client;
  const toAction = ({ second, nanos }: Made, index: number) => ({
    scheduledAt: new Date(second * 1_000 + Math.floor(nanos / 1_000_000)),
    action: {
      workflow: {
        workflowId: `still-${new Date(second * 1_000).toISOString().replace('.000', '')}`,
        firstExecutionRunId: `run ${String(index)}`,
      },
    },
  });
  const handle = {
    scheduleId: 'still',
    describe: () => {
      if (asked > 0 && (looks += 1) <= failsFor) return Promise.reject(away(grpcCode.unavailable));
      const recentActions = made.map(toAction);
      const raw = { info: { recentActions: made.map(({ nanos }) => ({ scheduleTime: { nanos } })) } };
      return Promise.resolve({
        action: { workflowId: 'still' },
        state: { paused: false },
        spec,
        info: { recentActions },
        raw,
      });
    },
  } as unknown as ScheduleHandle;
  return { client, handle, asked: () => asked };
}

describe('a schedule that is triggered has fired', () => {
  it('where a firing stands for the very time that was asked for, also where looks fail at first', async () => {
    const { client, handle } = serverThat((asked) => [asked], { failsFor: 2 });
    await triggerSchedule(client, handle, looksOn);
  });

  it('where the answer of Temporal was lost and the firing is there', async () => {
    const { client, handle } = serverThat((asked) => [asked], { refuses: away(grpcCode.deadlineExceeded) });
    await triggerSchedule(client, handle, looksOn);
  });

  it.each([0, 1, 3])('where the server takes a time of its own, %i seconds later', async (later) => {
    const ofServer = ({ second }: Made) => [{ second: second + later, nanos: 123_456_789 }];
    const { client, handle, asked } = serverThat(ofServer);
    await triggerSchedule(client, handle, looksOn);
    expect(asked()).toBe(1);
  });
});

describe('a schedule that was triggered and shows no firing of it is to be looked at, not triggered again', () => {
  const unknown = {
    type: 'SubmitOutcomeUnknown',
    submission: 'unknown',
    key: 'still',
    message: expect.stringContaining('`runcomfy-temporal schedule show NAME`') as unknown,
  };

  it.each<[what: string, server: ReturnType<typeof serverThat>]>([
    ['nothing has fired', serverThat(() => [])],
    ['every look failed', serverThat((asked) => [asked], { failsFor: Infinity })],
    ['the answer was lost', serverThat(() => [], { refuses: away(grpcCode.unavailable) })],
    ['Temporal was busy', serverThat(() => [], { refuses: away(grpcCode.resourceExhausted) })],
    ['another client had the second', serverThat(({ second, nanos }) => [{ second, nanos: (nanos + 10_000) % 1e9 }])],
    ['somebody else had it, to the millisecond', serverThat(({ second }) => [{ second, nanos: 1_000_000 }])],
    [
      'it fired by itself, some jitter later',
      serverThat(({ second }) => [{ second: second - (second % 60), nanos: 123_456_789 }], { spec: everyMinute }),
    ],
  ])('where %s', async (_, { client, handle, asked }) => {
    await expect(triggerSchedule(client, handle, looksOnce)).rejects.toMatchObject(unknown);
    expect(asked()).toBe(1);
  });

  it('also where another client asked in the same millisecond, whose firing Temporal took', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const made: Made[] = [];
    const { client, handle, asked } = serverThat((each) => (made.push(each) === 1 ? [each] : []));
    const both = [1, 2].map(() => triggerSchedule(client, handle, looksOnce));
    const [first, second] = await Promise.allSettled(both);
    expect(asked()).toBe(2);
    expect(made[0]?.second).toBe(made[1]?.second);
    expect(first?.status).toBe('fulfilled');
    expect(second).toMatchObject({ status: 'rejected', reason: unknown });
  });

  it('but for a server that refuses', async () => {
    const refusal = away(grpcCode.permissionDenied);
    const { client, handle } = serverThat(() => [], { refuses: refusal });
    await expect(triggerSchedule(client, handle, looksOnce)).rejects.toBe(refusal);
  });
});
