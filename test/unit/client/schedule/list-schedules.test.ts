import { Client, type ConnectionLike } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import { checkSchedules } from '../../../../cli/checks/supply-check.ts';
import { createGenerationClient } from '../../../../client/index.ts';

const encrypted = { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from('secret') };
const ours = { runcomfySchedule: defaultPayloadConverter.toPayload({ workflowType: 'runcomfyGeneration' }) };
const at = (seconds: number) => ({ seconds, nanos: 0 });
const info = {
  workflowType: { name: 'runcomfyGeneration' },
  recentActions: [
    {
      scheduleTime: at(60),
      actualTime: at(61),
      startWorkflowResult: { workflowId: 'nightly-1970-01-01T00:01:00Z', runId: 'r' },
    },
  ],
  futureActionTimes: [at(120)],
};

/** A Temporal with these schedules, a page each; none of them can be described. */
function keeping(schedules: { scheduleId: string; memo: object; info: object }[]) {
  const listSchedules = ({ nextPageToken }: { nextPageToken?: Uint8Array }) => {
    const page = nextPageToken?.[0] ?? 0;
    const isLast = page + 1 >= schedules.length;
    return Promise.resolve({
      schedules: schedules.slice(page, page + 1),
      nextPageToken: Uint8Array.from(isLast ? [] : [page + 1]),
    });
  };
  const connection = {
    workflowService: { listSchedules, describeSchedule: () => Promise.reject(new SyntaxError('encrypted')) },
  } as unknown as ConnectionLike;
  return createGenerationClient({ client: new Client({ connection }) });
}

const all = [
  { scheduleId: 'theirs', memo: { fields: { secret: encrypted } }, info },
  { scheduleId: 'nightly', memo: { fields: { ...ours, note: encrypted } }, info },
  {
    scheduleId: 'hourly',
    memo: { fields: { runcomfySchedule: encrypted } },
    info: { ...info, paused: true, notes: 'why' },
  },
];

it('lists our schedules whatever of them and of others cannot be decoded here', async () => {
  const found = [];
  for await (const schedule of keeping(all).schedules.list()) found.push(schedule);
  const told = {
    workflowType: 'runcomfyGeneration',
    nextAt: ['1970-01-01T00:02:00.000Z'],
    recent: [{ at: '1970-01-01T00:01:01.000Z', key: 'nightly-1970-01-01T00:01:00Z' }],
  };
  expect(found).toEqual([
    { ...told, name: 'nightly', paused: false },
    { ...told, name: 'hourly', paused: true, note: 'why' },
  ]);
});

it('tells by the list which schedules fire where what they order cannot be decoded here', async () => {
  const [found] = await checkSchedules({ generations: keeping(all) });
  expect(found).toMatchObject({ status: 'warning', message: '1 fire; hourly is paused: why' });
});
