import { type Client, TerminatedFailure, WorkflowFailedError } from '@temporalio/client';
import { defaultDataConverter, defaultPayloadConverter, type PayloadCodec, RetryState } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { grpcCode } from '../../../../client/grpc.ts';
import { wasNeverSent } from '../../../../worker/history/never-sent.ts';
import { lookUpOrdersIn } from '../../../../worker/look-up-orders.ts';

const key = 'order-1';
const runId = 'run-1';
const startedAtMs = 1_700_000_000_000;
const reservedAt = startedAtMs + 500;

type Event = Record<string, unknown>;

const payloads = (...values: unknown[]) => ({
  payloads: values.map((value) => defaultPayloadConverter.toPayload(value)),
});
const start = (more: object = {}, at = startedAtMs): Event => ({
  eventTime: { seconds: Math.floor(at / 1_000), nanos: (at % 1_000) * 1_000_000 },
  workflowExecutionStartedEventAttributes: {
    workflowType: { name: 'runcomfyGeneration' },
    firstExecutionRunId: runId,
    originalExecutionRunId: runId,
    attempt: 1,
    input: payloads({ model: 'a/b', input: {} }),
    ...more,
  },
});
const scheduled = (type = 'submitRequest', activityId = '1'): Event => ({
  activityTaskScheduledEventAttributes: { activityType: { name: type }, activityId },
});
const task: Event = { workflowTaskCompletedEventAttributes: {} };
const timer: Event = { timerStartedEventAttributes: {} };
const terminated: Event = { workflowExecutionTerminatedEventAttributes: {} };
const timedOut = (more: object = {}): Event => ({ workflowExecutionTimedOutEventAttributes: more });
const failed = (scheduledEventId: number, details: unknown, type = 'ServiceUnavailable'): Event => ({
  activityTaskFailedEventAttributes: {
    scheduledEventId,
    failure: { applicationFailureInfo: { type, details: payloads(details) } },
  },
});
const lost = (scheduledEventId: number, heartbeat?: unknown): Event => ({
  activityTaskTimedOutEventAttributes: {
    scheduledEventId,
    failure: {
      timeoutFailureInfo: heartbeat === undefined ? {} : { lastHeartbeatDetails: payloads(heartbeat) },
    },
  },
});
const signaled = (signalName: string): Event => ({ workflowExecutionSignaledEventAttributes: { signalName } });
const updated = (name: string): Event => ({
  workflowExecutionUpdateAcceptedEventAttributes: { acceptedRequest: { input: { name } } },
});
const pending = (heartbeat?: unknown, activityId = '1') => ({
  activityId,
  ...(heartbeat !== undefined && { heartbeatDetails: payloads(heartbeat) }),
});

interface Server {
  pendingActivities?: object[];
  isOpen?: boolean;
  /** The runs of the key that visibility shows. */
  runs?: string[];
  eventsPerPage?: number;
  codecs?: PayloadCodec[];
}

function serverWith(
  events: Event[],
  { pendingActivities = [], isOpen, runs = [runId], eventsPerPage = 2, codecs = [] }: Server,
) {
  const numbered = events.map((event, index) => ({ eventId: index + 1, ...event }));
  const workflowService = {
    describeWorkflowExecution: () =>
      Promise.resolve({
        workflowExecutionInfo: {
          execution: { workflowId: key, runId },
          type: { name: 'runcomfyGeneration' },
          ...(isOpen ? { status: 1 } : { status: 5, closeTime: { seconds: 1 } }),
        },
        pendingActivities,
      }),
    getWorkflowExecutionHistory: ({ nextPageToken }: { nextPageToken: Uint8Array }) => {
      const from = Number(Buffer.from(nextPageToken).toString() || 0);
      const until = from + eventsPerPage;
      const next = until < numbered.length ? Buffer.from(String(until)) : new Uint8Array();
      return Promise.resolve({ history: { events: numbered.slice(from, until) }, nextPageToken: next });
    },
    listWorkflowExecutions: () =>
      Promise.resolve({
        executions: runs.map((listed) => ({ execution: { workflowId: key, runId: listed } })),
        nextPageToken: new Uint8Array(),
      }),
  };
  const withDeadline = (_: number, call: () => unknown) => call();
  const options = { namespace: 'default', loadedDataConverter: { ...defaultDataConverter, payloadCodecs: codecs } };
  return { options, workflowService, withDeadline } as unknown as Client;
}

const ask = (events: Event[], server: Server = {}) => wasNeverSent(serverWith(events, server), key, reservedAt);

describe('that nothing was sent by a run that was ended from outside', () => {
  it.each<[string, Event[], Server?]>([
    [
      'its submit had told nothing of sending',
      [start(), task, scheduled(), terminated],
      { pendingActivities: [pending({ stage: 'not_sent' })] },
    ],
    ['its submit sent nothing', [start(), scheduled(), failed(2, { submission: 'not_sent' }), terminated]],
    [
      'its submits were refused, and a cancel has come in',
      [
        start(),
        scheduled(),
        failed(2, { submission: 'refused' }),
        timer,
        signaled('nudge'),
        updated('cancel'),
        scheduled('submitRequest', '7'),
        failed(7, { submission: 'refused' }),
        terminated,
      ],
    ],
    [
      'the worker of its submit was lost before it sent',
      [start(), scheduled('checkWebhook'), scheduled(), lost(3, { stage: 'not_sent' }), timer, timedOut()],
    ],
  ])('is proven where %s', async (_, events, server) => {
    expect(await ask(events, server)).toBe(true);
  });

  it('is read as what belongs to the workflow and to its activities', async () => {
    const owners: unknown[] = [];
    const codec: PayloadCodec = {
      encode: (encoded) => Promise.resolve(encoded),
      decode: (encoded, context) => {
        owners.push(context);
        return Promise.resolve(encoded);
      },
    };
    const events = [start(), scheduled(), failed(2, { submission: 'not_sent' }), scheduled('submitRequest', '7')];
    const ended = [...events, lost(4, { stage: 'not_sent' }), scheduled('submitRequest', '9'), terminated];
    const pendingActivities = [pending({ stage: 'not_sent' }, '9')];
    expect(await ask(ended, { pendingActivities, codecs: [codec] })).toBe(true);
    const activity = { type: 'activity', namespace: 'default', workflowId: key, isLocal: false };
    expect(owners).toEqual([
      { type: 'workflow', namespace: 'default', workflowId: key },
      ...['1', '7', '9'].map((activityId) => ({ ...activity, activityId })),
    ]);
  });

  const unsent = [start(), scheduled(), failed(2, { submission: 'not_sent' }), terminated];
  it.each<[string, Event[], Server?]>([
    ['it never came to a submit, which alone reserves', [start(), task, terminated]],
    ['its webhook was still being checked', [start(), scheduled('checkWebhook'), terminated]],
    // An operator can have Temporal forget heartbeats.
    ['its submit says nothing', [start(), task, scheduled(), terminated], { pendingActivities: [pending()] }],
    ['the worker of its submit was lost and says nothing', [start(), scheduled(), lost(2), terminated]],
    [
      'its submit was sending',
      [start(), scheduled(), terminated],
      { pendingActivities: [pending({ stage: 'sending' })] },
    ],
    [
      'its submit had been accepted',
      [start(), scheduled(), terminated],
      { pendingActivities: [pending({ stage: 'accepted', requestId: 'r' })] },
    ],
    [
      'the last heartbeat of its submit cannot be understood',
      [start(), scheduled(), terminated],
      { pendingActivities: [pending('soon')] },
    ],
    [
      'the last heartbeat of its submit cannot be read',
      [start(), scheduled(), terminated],
      {
        pendingActivities: [
          { activityId: '1', heartbeatDetails: { payloads: [{ metadata: {}, data: Buffer.from('?') }] } },
        ],
      },
    ],
    ['Temporal no longer tells of its submit', [start(), scheduled(), terminated]],
    [
      'only another activity is told of',
      [start(), scheduled(), terminated],
      { pendingActivities: [pending(undefined, '2')] },
    ],
    [
      'its submit was accepted',
      [start(), scheduled(), { activityTaskCompletedEventAttributes: { scheduledEventId: 2 } }, terminated],
    ],
    [
      'its submit was cancelled',
      [start(), scheduled(), { activityTaskCanceledEventAttributes: { scheduledEventId: 2 } }, terminated],
    ],
    ['a submit is unknown', [start(), scheduled(), failed(2, { submission: 'unknown' }), terminated]],
    ['a submit failed without a word', [start(), scheduled(), failed(2, undefined), terminated]],
    [
      'a submit was refused beside another',
      [start(), scheduled(), failed(2, { submission: 'not_sent', isReset: true }), terminated],
    ],
    ['a worker was lost while it sent', [start(), scheduled(), lost(2, { stage: 'sending' }), terminated]],
    ['it asked RunComfy for a status', [start(), scheduled('readStatus'), terminated]],
    ['it asked a disk for what was accepted', [start(), scheduled('recallSubmit'), terminated]],
    [
      'it did what nobody here knows',
      [start(), { startChildWorkflowExecutionInitiatedEventAttributes: {} }, terminated],
    ],
    ['an id was handed over', [start(), signaled('requestAccepted'), terminated]],
    ['a person decided', [start(), updated('resolveSubmission'), terminated]],
    [
      'it was begun to follow a request',
      [start({ input: payloads({ model: 'a/b', input: {}, requestId: 'r' }) }), terminated],
    ],
    ['it was carried a memory', [start({ input: payloads({ model: 'a/b', input: {} }, {}) }), terminated]],
    ['it was reset', [start({ originalExecutionRunId: 'run-0' }), terminated]],
    ['it began another chain', [start({ firstExecutionRunId: 'run-0' }), terminated]],
    ['it continued another run', [start({ continuedExecutionRunId: 'run-0' }), terminated]],
    ['it is a retry', [start({ attempt: 2 }), terminated]],
    ['it is no generation', [start({ workflowType: { name: 'other' } }), terminated]],
    ['it goes on in another run', [start(), timedOut({ newExecutionRunId: 'run-2' })]],
    ['it ended by itself', [start(), task, { workflowExecutionFailedEventAttributes: {} }]],
    ['it has not ended', [start(), task]],
    ['it was open when its heartbeats were looked at', unsent, { isOpen: true }],
    ['the reservation is older than it', [start({}, reservedAt), task, terminated]],
    ['another run has its key', unsent, { runs: ['run-0', runId] }],
    ['the list of runs does not show it', unsent, { runs: [] }],
    ['it is too long to be read', [start(), ...Array<Event>(40).fill(task), terminated]],
    ['there is no history', []],
  ])('is not where %s', async (_, events, server) => {
    expect(await ask(events, server)).toBe(false);
  });

  function lookUp(noHistory: Error) {
    const client = serverWith(unsent, {});
    const getWorkflowExecutionHistory = () => Promise.reject(noHistory);
    Object.assign(client.workflowService, { getWorkflowExecutionHistory });
    const ended = new WorkflowFailedError('', new TerminatedFailure('by hand'), RetryState.NON_RETRYABLE_FAILURE);
    Object.assign(client, { workflow: { result: () => Promise.reject(ended) } });
    return lookUpOrdersIn(client);
  }

  it('is asked again where Temporal cannot tell, and after an hour presumed not to be', async () => {
    const { settlementOf } = lookUp(new Error('too large'));
    await expect(settlementOf(key, Date.now() - 30 * 60_000)).rejects.toThrow('too large');
    expect(await settlementOf(key, Date.now() - 120 * 60_000)).toEqual({ key, outcome: 'failed' });
  });

  it.each(['deadlineExceeded', 'cancelled', 'unavailable', 'resourceExhausted'] as const)(
    'is asked again for a day after the order, where Temporal could not tell in time or at all (%s)',
    async (name) => {
      const busy = Object.assign(new Error(name), { code: grpcCode[name], details: name, metadata: {} });
      const { settlementOf } = lookUp(busy);
      await expect(settlementOf(key, Date.now() - 120 * 60_000)).rejects.toThrow(name);
      await expect(settlementOf(key, Date.now() - 23 * 60 * 60_000)).rejects.toThrow(name);
      expect(await settlementOf(key, Date.now() - 25 * 60 * 60_000)).toEqual({ key, outcome: 'failed' });
    },
  );

  it('is not where its key cannot be looked for', async () => {
    expect(await wasNeverSent(serverWith(unsent, {}), "it's", reservedAt)).toBe(false);
  });
});
