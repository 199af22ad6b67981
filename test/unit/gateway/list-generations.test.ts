import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

const startedAt = '2026-11-27T00:00:00.000Z';
const closedAt = '2026-11-27T00:01:00.000Z';
const statuses = { running: 1, completed: 2 };

/** A run as an index has it. */
interface Indexed {
  key: string;
  phase?: string;
  status?: keyof typeof statuses;
  startedAt?: string;
}

/** A Temporal whose index has these runs. */
function indexOf(runs: Indexed[], type = 'runcomfyGeneration') {
  const asWords = (text: string) => ({ data: Buffer.from(JSON.stringify(text)) });
  const secondsOf = (time: string) => ({ seconds: Date.parse(time) / 1_000 });
  const executions = runs.map(({ key, phase = 'in_queue', status = 'running', startedAt: time = startedAt }) => ({
    execution: { workflowId: key, runId: 'r' },
    type: { name: type },
    status: statuses[status],
    startTime: secondsOf(time),
    closeTime: status === 'running' ? undefined : secondsOf(closedAt),
    searchAttributes: { indexedFields: { RunComfyPhase: asWords(phase), RunComfyModel: asWords(flux) } },
  }));
  return {
    options: { namespace: 'default' },
    withDeadline: (_: number, ask: () => unknown) => ask(),
    workflowService: {
      listWorkflowExecutions: () => Promise.resolve({ executions, nextPageToken: new Uint8Array() }),
      describeWorkflowExecution: ({ execution: { workflowId } }: { execution: { workflowId: string } }) =>
        Promise.resolve({
          workflowExecutionInfo: executions.find(({ execution }) => execution.workflowId === workflowId),
          pendingActivities: [],
        }),
    },
  } as unknown as Client;
}

/** What was told of the run `k`, or is read of it now. */
function seenAs(phase: string, more: object = {}) {
  const known = { phase, model: flux, requestId: 'vendor-1' };
  const state = { ...known, submission: 'accepted', reads: 1, deadlineAt: startedAt };
  return { key: 'k', runId: 'r', startedAt, ...known, state, ...more };
}

const over = { closedAt, ending: { result: { output: { images: ['https://a.example/1.png'] } } } };

it.each<[what: string, row: Indexed, seen: object | undefined, told: object]>([
  ['what ran was told to run on', { key: 'k' }, seenAs('in_progress'), { phase: 'in_progress', requestId: 'vendor-1' }],
  ['what runs was told to have ended', { key: 'k' }, seenAs('succeeded', over), { phase: 'succeeded', closedAt }],
  ['another run was told of', { key: 'k' }, seenAs('in_progress', { runId: 'other' }), { phase: 'in_queue' }],
  ['nothing was told of it', { key: 'k' }, undefined, { phase: 'in_queue' }],
  ['it was submitted anew', { key: 'k', phase: 'submitting' }, seenAs('submission_unknown'), { phase: 'submitting' }],
  ['it is further by now', { key: 'k', phase: 'in_progress' }, seenAs('in_queue'), { phase: 'in_progress' }],
  ['it has ended by now', { key: 'k', phase: 'succeeded', status: 'completed' }, seenAs('in_queue'), { closedAt }],
])('a list tells of no earlier phase than was told before: %s', async (_what, row, seen, told) => {
  const refreshed: string[] = [];
  const known = () => seen && { ...seen, ageS: 1 };
  const reader = { known, refresh: (key: string) => refreshed.push(key) };
  const url = await serve(anonymousAccess, { client: indexOf([row]), reader });
  const { json, text } = await call(url, '/api/v1/generations');
  expect(json['generations'], text).toMatchObject([told]);
  // What is told now is not to be taken back by the next read.
  expect(refreshed).toEqual(/by now/.test(_what) ? ['k'] : []);
});

it.each<[what: string, row: Indexed, seen: object, told: object]>([
  ['in the queue', { key: 'k', phase: 'submitting' }, seenAs('in_queue'), { phase: 'in_queue', requestId: 'vendor-1' }],
  ['it has ended', { key: 'k' }, seenAs('succeeded', over), { phase: 'succeeded', closedAt, waitedMs: 60_000 }],
  [
    'it is submitted anew',
    { key: 'k', phase: 'submission_unknown' },
    seenAs('submitting'),
    { phase: 'submitting', requestId: 'vendor-1' },
  ],
])('the parts of a row agree where its state is asked for: %s', async (_what, row, seen, told) => {
  const reader = { read: () => Promise.resolve(seen), refresh: () => undefined };
  const url = await serve(anonymousAccess, { client: indexOf([row]), reader });
  const { json, text } = await call(url, '/api/v1/generations?include=state');
  expect(json['generations'], text).toMatchObject([told]);
});

it('tells no state that is older than the row', async () => {
  const seen = seenAs('in_queue', { state: { ...seenAs('in_queue').state, queuePosition: 3 } });
  const reader = { read: () => Promise.resolve(seen), refresh: () => undefined };
  const url = await serve(anonymousAccess, { client: indexOf([{ key: 'k', phase: 'in_progress' }]), reader });
  const { json } = await call(url, '/api/v1/generations?include=state');
  expect(json['generations']).toEqual([
    { key: 'k', runId: 'r', model: flux, phase: 'in_progress', createdAt: startedAt, waitedMs: expect.any(Number) },
  ]);
});

it('leaves out what is no longer what was asked for', async () => {
  const reader = { known: () => seenAs('succeeded', over), refresh: () => undefined };
  const url = await serve(anonymousAccess, { client: indexOf([{ key: 'k' }]), reader });
  expect((await call(url, '/api/v1/generations?phase=in_queue')).json['generations']).toEqual([]);
});

it.each([
  ['generations', 'runcomfyGeneration'],
  ['pipelines', 'runcomfyPipeline'],
  ['batches', 'runcomfyBatch'],
])('a page of %s has the newest first, whether they run or have ended', async (noun, type) => {
  const at = (seconds: number) => `2026-11-27T00:00:0${String(seconds)}.000Z`;
  const runs: Indexed[] = [
    { key: 'b', startedAt: at(2) },
    { key: 'd', startedAt: at(1) },
    { key: 'a', startedAt: at(3), status: 'completed', phase: 'succeeded' },
    { key: 'c', startedAt: at(2), status: 'completed', phase: 'succeeded' },
  ];
  const url = await serve(anonymousAccess, { client: indexOf(runs, type), reader: { known: () => undefined } });
  const { json, text } = await call(url, `/api/v1/${noun}`);
  expect(
    (json[noun] as Indexed[] | undefined)?.map(({ key }) => key),
    text,
  ).toEqual(['a', 'b', 'c', 'd']);
});
