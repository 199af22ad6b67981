import type { Client } from '@temporalio/client';
import { describe, expect, it, vi } from 'vitest';
import { pauseSubmits, readSubmits, resumeSubmits } from '../../../client/operator/index.ts';

interface Update {
  identity: string;
  updateQueueRateLimit: { rateLimit?: { requestsPerSecond: number }; reason: string };
}
interface Limit {
  rateLimit?: { requestsPerSecond?: number };
  metadata: { reason: string; updateIdentity: string; updateTime: { seconds: number; nanos: number } };
}

const [bySetting, byWorkers, bySystem] = [1, 2, 3];

/** A server of which one part stores limits, and another hands orders out: that hears of a limit by the second look after, and keeps to it by the fourth. */
function laggingServer({ workers, isDeaf = false }: { workers?: number; isDeaf?: boolean } = {}) {
  let [updates, looks] = [0, 0];
  let stored: Limit | undefined;
  let heard: Limit | undefined;
  const free =
    workers === undefined
      ? { rateLimitSource: bySystem, requestsPerSecond: 100_000 }
      : { rateLimitSource: byWorkers, requestsPerSecond: workers };
  let effectiveRateLimit = free;
  const workflowService = {
    updateTaskQueueConfig: vi.fn(({ identity, updateQueueRateLimit: { rateLimit, reason } }: Update) => {
      updates += 1;
      looks = 0;
      const metadata = { reason, updateIdentity: identity, updateTime: { seconds: 1_800_000_000, nanos: updates } };
      // Zero is not written on the wire.
      stored = { ...(rateLimit && { rateLimit: rateLimit.requestsPerSecond === 0 ? {} : rateLimit }), metadata };
      return Promise.resolve({ config: { queueRateLimit: stored } });
    }),
    describeTaskQueue: vi.fn(() => {
      looks += 1;
      if (looks === 2 && !isDeaf) heard = stored;
      const limit = heard?.rateLimit;
      if (looks === 4)
        effectiveRateLimit =
          limit === undefined ? free : { rateLimitSource: bySetting, requestsPerSecond: limit.requestsPerSecond ?? 0 };
      return Promise.resolve({ config: heard && { queueRateLimit: heard }, effectiveRateLimit, stats: {} });
    }),
    listTaskQueuePartitions: () => Promise.resolve({ activityTaskQueuePartitions: [{}] }),
  };
  const options = { namespace: 'default', identity: 'me@here' };
  return { ...workflowService, looks: () => looks, client: { options, workflowService } as unknown as Client };
}

describe('the orders of a task queue, on a server that hears of a limit later than it stores it', () => {
  it('are said to be paused, and to go out, once that is so', async () => {
    const { client, looks, updateTaskQueueConfig } = laggingServer({ workers: 8 });
    expect(await readSubmits(client, 'q')).toMatchObject({ isPaused: false, perSecond: 8 });
    const paused = await pauseSubmits(client, 'q', 'nonsense');
    expect(paused).toMatchObject({ isPaused: true, pausedBy: 'me@here', reason: 'nonsense' });
    expect(looks()).toBe(4);
    const free = await resumeSubmits(client, 'q');
    expect(free).toEqual({ taskQueue: 'q-submit', isPaused: false, perSecond: 8, waiting: 0, partitions: 1 });
    expect(looks()).toBe(4);
    await resumeSubmits(client, 'q');
    expect(updateTaskQueueConfig).toHaveBeenCalledTimes(2);
  });

  it('have the limit that was set, and go back to it, whichever is in effect yet', async () => {
    const { client, updateTaskQueueConfig } = laggingServer();
    const updateQueueRateLimit = { rateLimit: { requestsPerSecond: 2.5 }, reason: 'as agreed' };
    await updateTaskQueueConfig({ identity: 'x', updateQueueRateLimit });
    expect(await readSubmits(client, 'q')).toMatchObject({ isPaused: false });
    expect(await readSubmits(client, 'q')).toMatchObject({ isPaused: false, perSecond: 2.5 });
    for (const reason of ['first', 'second']) {
      expect(await pauseSubmits(client, 'q', reason)).toMatchObject({ isPaused: true, perSecond: 2.5, reason });
    }
    for (let times = 0; times < 2; times += 1) {
      expect(await resumeSubmits(client, 'q')).toMatchObject({ isPaused: false, perSecond: 2.5 });
    }
  });

  it('are not said to be paused where that never is so', async () => {
    const { client, describeTaskQueue } = laggingServer({ isDeaf: true });
    let now = 0;
    vi.spyOn(Date, 'now').mockImplementation(() => (now += 5_000));
    await expect(pauseSubmits(client, 'q')).rejects.toMatchObject({
      type: 'TemporalBusy',
      message: expect.stringContaining('"q-submit"') as string,
    });
    expect(describeTaskQueue.mock.calls.length).toBeGreaterThan(2);
  });
});
