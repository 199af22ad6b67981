import type { Client } from '@temporalio/client';
import { describe, expect, it, vi } from 'vitest';
import { pauseSubmits, readSubmits, resumeSubmits } from '../../../client/operator/index.ts';

interface Update {
  identity: string;
  updateQueueRateLimit?: { rateLimit?: { requestsPerSecond: number }; reason: string };
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
  const breaks: Error[] = [];
  const workflowService = {
    updateTaskQueueConfig: vi.fn(({ identity, updateQueueRateLimit }: Update) => {
      // A change of nothing tells what is stored.
      if (updateQueueRateLimit === undefined) return Promise.resolve({ config: stored && { queueRateLimit: stored } });
      const { rateLimit, reason } = updateQueueRateLimit;
      updates += 1;
      looks = 0;
      const metadata = { reason, updateIdentity: identity, updateTime: { seconds: 1_800_000_000, nanos: updates } };
      // Zero is not written on the wire.
      stored = { ...(rateLimit && { rateLimit: rateLimit.requestsPerSecond === 0 ? {} : rateLimit }), metadata };
      return Promise.resolve({ config: { queueRateLimit: stored } });
    }),
    describeTaskQueue: vi.fn(() => {
      const broken = breaks.shift();
      if (broken) return Promise.reject(broken);
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
  return { ...workflowService, breaks, looks: () => looks, client: { options, workflowService } as unknown as Client };
}

describe('the orders of a task queue, on a server that hears of a limit later than it stores it', () => {
  it('are said to be paused, and to go out, once that is so', async () => {
    const { client, looks } = laggingServer({ workers: 8 });
    expect(await readSubmits(client, 'q')).toMatchObject({ isPaused: false, perSecond: 8 });
    const paused = await pauseSubmits(client, 'q', 'nonsense');
    expect(paused).toMatchObject({ isPaused: true, pausedBy: 'me@here', reason: 'nonsense' });
    expect(looks()).toBe(4);
    const free = await resumeSubmits(client, 'q');
    expect(free).toEqual({ taskQueue: 'q-submit', isPaused: false, perSecond: 8, waiting: 0, partitions: 1 });
    expect(looks()).toBe(4);
    expect(await resumeSubmits(client, 'q')).toEqual(free);
  });

  it.each([undefined, 2.5])(
    'are let go by a resume while a pause is on its way, at the limit before: %s',
    async (perSecond) => {
      const { client, looks, updateTaskQueueConfig } = laggingServer();
      const change = (requestsPerSecond: number, reason: string) =>
        updateTaskQueueConfig({ identity: 'x', updateQueueRateLimit: { rateLimit: { requestsPerSecond }, reason } });
      if (perSecond !== undefined) await change(perSecond, 'as agreed');
      const pausing = pauseSubmits(client, 'q');
      while (looks() < 1) await Promise.resolve();
      const resumed = await resumeSubmits(client, 'q');
      expect(resumed.isPaused).toBe(false);
      expect(resumed.perSecond).toBe(perSecond);
      expect(await pausing).toMatchObject({ isPaused: false });
      expect(await readSubmits(client, 'q')).toMatchObject({ isPaused: false });
    },
  );

  it('are said to go out, or not, as they do while a limit is heard of and not yet kept', async () => {
    const { client, updateTaskQueueConfig } = laggingServer();
    const told = async (requestsPerSecond: number) => {
      const updateQueueRateLimit = { rateLimit: { requestsPerSecond }, reason: '' };
      await updateTaskQueueConfig({ identity: 'x', updateQueueRateLimit });
      const paused: boolean[] = [];
      for (let look = 0; look < 4; look += 1) paused.push((await readSubmits(client, 'q')).isPaused);
      return paused;
    };
    expect(await told(0)).toEqual([false, false, false, true]);
    expect(await told(2.5)).toEqual([true, true, true, false]);
  });

  it('are paused where a look after the pause fails, and it is said where every look fails', async () => {
    const { client, breaks } = laggingServer();
    breaks.push(new Error('14 UNAVAILABLE: restarted'));
    expect(await pauseSubmits(client, 'q')).toMatchObject({ isPaused: true });
    breaks.push(...Array.from({ length: 20 }, () => new Error('14 UNAVAILABLE: gone')));
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 5_000));
    await expect(resumeSubmits(client, 'q')).rejects.toMatchObject({
      type: 'TemporalBusy',
      message: expect.stringMatching(/has stored .*"q-submit".*gone/u) as string,
    });
  });

  it('are paused on a server that takes no change of nothing', async () => {
    const { client, updateTaskQueueConfig } = laggingServer();
    updateTaskQueueConfig.mockRejectedValueOnce(new Error('3 INVALID_ARGUMENT: nothing to change'));
    expect(await pauseSubmits(client, 'q')).toMatchObject({ isPaused: true });
  });

  it('have the limit that was set, and go back to it, whichever is in effect yet', async () => {
    const { client, looks, updateTaskQueueConfig } = laggingServer();
    const updateQueueRateLimit = { rateLimit: { requestsPerSecond: 2.5 }, reason: 'as agreed' };
    await updateTaskQueueConfig({ identity: 'x', updateQueueRateLimit });
    expect(await readSubmits(client, 'q')).toMatchObject({ isPaused: false });
    expect(await readSubmits(client, 'q')).toMatchObject({ isPaused: false, perSecond: 2.5 });
    for (const reason of ['first', 'second']) {
      expect(await pauseSubmits(client, 'q', reason)).toMatchObject({ isPaused: true, perSecond: 2.5, reason });
    }
    for (const looked of [4, 2]) {
      expect(await resumeSubmits(client, 'q')).toMatchObject({ isPaused: false, perSecond: 2.5 });
      expect(looks()).toBe(looked);
    }
  });

  it('are not said to be paused where that never is so', async () => {
    const { client, describeTaskQueue } = laggingServer({ isDeaf: true });
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 5_000));
    await expect(pauseSubmits(client, 'q')).rejects.toMatchObject({
      type: 'TemporalBusy',
      message: expect.stringContaining('"q-submit"') as string,
    });
    expect(describeTaskQueue.mock.calls.length).toBeGreaterThan(2);
  });
});
