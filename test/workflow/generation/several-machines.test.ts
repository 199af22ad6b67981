import type { PayloadCodec } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import { eventually } from '../../support/eventually.ts';
import { connectClient, startQuickSimulator } from '../../support/generation-stack.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { quietRuntime } from '../../support/quiet-runtime.ts';
import { kling, klingInput } from '../../support/simulator-client.ts';

/** Fails on the first reports of an accepted submit. */
function codecThatFails(times: number): PayloadCodec & { failures: () => number } {
  let failures = 0;
  return {
    failures: () => failures,
    encode: (payloads) => {
      const isReport = payloads.some(({ data }) => Buffer.from(data ?? []).includes('"submittedAt"'));
      if (!isReport || failures === times) return Promise.resolve(payloads);
      failures += 1;
      return Promise.reject(new Error('the key service does not answer'));
    },
    decode: (payloads) => Promise.resolve(payloads),
  };
}

describe('where each worker has a state folder of its own', () => {
  it('an accepted order that could not be reported at once is cancelled, not said to be never sent', async () => {
    quietRuntime();
    const [client, simulator] = await Promise.all([
      connectClient(),
      startQuickSimulator({ profiles: { '*': { queueMs: 600_000, runMs: 500 } } }),
    ]);
    const codec = codecThatFails(4);
    const workers = await inProcessWorkers(client, simulator.modelApiBase, {
      dataConverter: { payloadCodecs: [codec] },
    });
    await workers.start();
    const generations = createGenerationClient({ client, taskQueue: workers.taskQueue });
    const handle = await generations.start({ model: kling, input: klingInput });
    await eventually(() => {
      expect(codec.failures()).toBeGreaterThan(0);
    });
    await workers.stop();
    await client.workflow.getHandle(handle.key).signal('cancel');
    await workers.start({ stateDir: await temporaryFolder() });
    await expect(handle.result()).rejects.toMatchObject({ type: 'GenerationCancelled' });
    const state = await handle.state();
    expect(state).toMatchObject({ submission: 'accepted', cancel: { outcome: 'cancelled' } });
    expect(simulator.ledger().jobs.map(({ id }) => id)).toEqual([state.requestId]);
  });
});
