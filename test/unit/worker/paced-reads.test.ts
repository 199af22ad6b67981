import { describe, expect, it } from 'vitest';
import { createRunComfyClient } from '../../../runcomfy/client.ts';
import { startSimulator } from '../../../simulator/index.ts';
import { paceReads } from '../../../worker/paced-reads.ts';
import { kling, klingInput } from '../../support/simulator-client.ts';

async function withReads(
  readsPerSecond: number | undefined,
  use: (parts: {
    read: () => Promise<unknown>;
    setFaults: Awaited<ReturnType<typeof startSimulator>>['setFaults'];
  }) => Promise<void>,
) {
  const simulator = await startSimulator({ profiles: { '*': { queueMs: 60_000, runMs: 60_000 } } });
  const { modelApiBase } = simulator;
  const runcomfy = createRunComfyClient({ modelApiBase, token: () => 'sim-paced' });
  try {
    const { requestId } = await runcomfy.submit(kling, klingInput);
    const paced = paceReads(runcomfy, readsPerSecond);
    await use({
      read: () => paced.status(requestId),
      setFaults: (rules) => {
        simulator.setFaults(rules);
      },
    });
  } finally {
    await runcomfy.close();
    await simulator.close();
  }
}

describe('the reads of a worker', () => {
  it('come no closer than the limit allows, however many are asked for at once', async () => {
    await withReads(20, async ({ read }) => {
      const startedAt = Date.now();
      await Promise.all(Array.from({ length: 21 }, read));
      expect(Date.now() - startedAt).toBeGreaterThanOrEqual(990);
    });
  });

  it('all wait after a 429, for as long as RunComfy asks', async () => {
    await withReads(undefined, async ({ read, setFaults }) => {
      setFaults([{ fault: 'rate-limited', step: 'status', times: 1, retryAfter: 1 }]);
      const startedAt = Date.now();
      await expect(read()).rejects.toMatchObject({ type: 'RateLimited' });
      await Promise.all([read(), read(), read()]);
      expect(Date.now() - startedAt).toBeGreaterThanOrEqual(990);
    });
  });
});
