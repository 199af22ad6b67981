import type { Client, ScheduleOptions } from '@temporalio/client';
import { expect, it } from 'vitest';
import { createSchedule } from '../../../../client/schedule/create-schedule.ts';
import { flux } from '../../../support/simulator-client.ts';

/** Schedules a batch of items of so many bytes, whose defaults have so many. */
async function schedule(itemBytes: number, defaultBytes: number, items = 900) {
  const made: ScheduleOptions[] = [];
  const create = (options: ScheduleOptions) => Promise.resolve(made.push(options));
  const client = { schedule: { create } } as unknown as Client;
  const batch = {
    items: Array.from({ length: items }, (_, at) => ({
      id: String(at),
      input: { prompt: 'x'.repeat(itemBytes / items) },
    })),
    defaults: { model: flux, input: { note: 'x'.repeat(defaultBytes) } },
    maxCostUsd: 5,
  };
  await createSchedule({ client, taskQueue: 'q' }, { name: 'nightly', everyMs: 3_600_000, order: { batch } });
  return made;
}

const mib = 1024 * 1024;

it('a batch whose items have less than 1 MiB is scheduled, whatever its defaults add to that', async () => {
  expect(await schedule(0.9 * mib, 0.2 * mib)).toHaveLength(1);
});

it('a batch is refused by what is too large of it: its items, or the whole', async () => {
  const issueOf = (path: string, message: RegExp) => ({
    type: 'InvalidInput',
    issues: [{ path, message: expect.stringMatching(message) as string }],
  });
  await expect(schedule(1.1 * mib, 0)).rejects.toMatchObject(
    issueOf('request.items', /^a scheduled batch carries its items, at most 1,000 and 1 MiB together/),
  );
  await expect(schedule(0.9 * mib, mib)).rejects.toMatchObject(
    issueOf('request', /^has \d+ bytes and may have 1800000/),
  );
});
