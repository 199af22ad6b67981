import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { describe, expect, it, vi } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import { connectClient, startQuickSimulator } from '../../support/generation-stack.ts';
import { historiesOf, quietRuntime, stateOf, untilState } from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { hangMs } from '../../support/patience.ts';
import { temporaryFolder } from '../../support/processes.ts';
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

async function resetToBeforeTheSubmit(client: Client, key: string): Promise<void> {
  const [history] = await historiesOf(client, key);
  const firstTask = history?.events?.find(({ workflowTaskCompletedEventAttributes: completed }) => completed);
  await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId: key },
    reason: 'test',
    requestId: randomUUID(),
    ...(firstTask?.eventId && { workflowTaskFinishEventId: firstTask.eventId }),
  });
}

describe('where each worker has a state folder of its own', () => {
  it('an accepted order that could not be reported at once is cancelled, not said to be never sent', async () => {
    quietRuntime();
    const [client, simulator] = await Promise.all([
      connectClient(),
      startQuickSimulator({ profiles: { '*': { queueMs: 60_000, runMs: 500 } } }),
    ]);
    const codec = codecThatFails(4);
    const workers = await inProcessWorkers(client, simulator.modelApiBase, {
      dataConverter: { payloadCodecs: [codec] },
    });
    await workers.start();
    const generations = createGenerationClient({ client, taskQueue: workers.taskQueue });
    const handle = await generations.start({ model: kling, input: klingInput });
    await vi.waitFor(
      () => {
        expect(codec.failures()).toBeGreaterThan(0);
      },
      { timeout: hangMs },
    );
    await workers.stop();
    await client.workflow.getHandle(handle.key).signal('cancel');
    await workers.start({ stateDir: await temporaryFolder() });
    await expect(handle.result()).rejects.toMatchObject({ type: 'GenerationCancelled' });
    const state = await handle.state();
    expect(state).toMatchObject({ submission: 'accepted', cancel: { outcome: 'cancelled' } });
    expect(simulator.ledger().jobs.map(({ id }) => id)).toEqual([state.requestId]);
  });

  it('a run that was reset and is cancelled before its submit is unknown, not said to be never sent', async () => {
    quietRuntime();
    const [client, simulator] = await Promise.all([connectClient(), startQuickSimulator()]);
    const workers = await inProcessWorkers(client, simulator.modelApiBase);
    await workers.start();
    const generations = createGenerationClient({ client, taskQueue: workers.taskQueue });
    const handle = await generations.start({ model: kling, input: klingInput });
    await handle.result();
    await workers.stop();

    await resetToBeforeTheSubmit(client, handle.key);
    const newest = client.workflow.getHandle(handle.key);
    await newest.signal('cancel');
    await workers.start({ stateDir: await temporaryFolder() });
    await untilState(newest, ({ cancel }) => cancel?.outcome !== undefined);
    expect(await stateOf(newest)).toMatchObject({
      phase: 'submission_unknown',
      submission: 'unknown',
      cancel: { outcome: 'unknown' },
    });
    await newest.executeUpdate('resolveSubmission', { args: [{ action: 'abandon' }] });
    expect(simulator.ledger().totals.accepted).toBe(1);
  });

  it('a run that was reset and is cancelled while its submit is refused is unknown, too', async () => {
    quietRuntime();
    const [client, simulator] = await Promise.all([
      connectClient(),
      startQuickSimulator({
        faults: [{ fault: 'rate-limited', step: 'submit', skip: 1, delayMs: 3_000, retryAfter: 30 }],
      }),
    ]);
    const workers = await inProcessWorkers(client, simulator.modelApiBase);
    await workers.start();
    const generations = createGenerationClient({ client, taskQueue: workers.taskQueue });
    const handle = await generations.start({ model: kling, input: klingInput });
    await handle.result();
    await workers.stop();

    await resetToBeforeTheSubmit(client, handle.key);
    await workers.start({ stateDir: await temporaryFolder() });
    await vi.waitFor(
      () => {
        expect(simulator.ledger().totals.submits).toBe(2);
      },
      { timeout: hangMs },
    );
    const newest = client.workflow.getHandle(handle.key);
    await newest.signal('cancel');
    await untilState(newest, ({ cancel }) => cancel?.outcome !== undefined);
    expect(await stateOf(newest)).toMatchObject({ submission: 'unknown', cancel: { outcome: 'unknown' } });
    await newest.executeUpdate('resolveSubmission', { args: [{ action: 'abandon' }] });
    expect(simulator.ledger().totals.accepted).toBe(1);
  });
});
