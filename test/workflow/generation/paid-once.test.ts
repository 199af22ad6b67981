import { randomUUID } from 'node:crypto';
import type { PayloadCodec } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import type { FaultRule } from '../../../simulator/index.ts';
import { eventually } from '../../support/eventually.ts';
import { connectClient, startQuickSimulator } from '../../support/generation-stack.ts';
import { untilState } from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { flux } from '../../support/simulator-client.ts';

/** A codec that changes nothing, but fails on payloads that hold all of these words: on the `first` of them to the `last`. */
function failingCodec(first: number, last: number, ...words: string[]): PayloadCodec & { failures: () => number } {
  let failures = 0;
  let met = 0;
  return {
    failures: () => failures,
    encode: (payloads) => {
      const text = payloads.map(({ data }) => Buffer.from(data ?? []).toString()).join();
      if (words.length > 0 && words.every((word) => text.includes(word))) met += 1;
      else return Promise.resolve(payloads);
      if (met >= first && met <= last) {
        failures += 1;
        return Promise.reject(new Error('the key service does not answer'));
      }
      return Promise.resolve(payloads);
    },
    decode: (payloads) => Promise.resolve(payloads),
  };
}

async function generationsWith(codec: PayloadCodec, faults: FaultRule[] = []) {
  const client = await connectClient();
  const simulator = await startQuickSimulator({ faults });
  const workers = await inProcessWorkers(client, simulator.modelApiBase, {
    dataConverter: { payloadCodecs: [codec] },
  });
  await workers.start();
  return { client, simulator, generations: createGenerationClient({ client, taskQueue: workers.taskQueue }) };
}

describe.concurrent('an accepted order is billed once although the submit cannot report it:', () => {
  it('the codec fails once on the result', async () => {
    const codec = failingCodec(1, 1, '"requestId"', '"submittedAt"', '"workKey"');
    const { simulator, generations } = await generationsWith(codec);
    const handle = await generations.start({ model: flux, input: { prompt: 'once' } }, { key: `once-${randomUUID()}` });
    const { requestId } = await handle.result();
    expect(codec.failures()).toBe(1);
    expect(simulator.ledger().jobs.map(({ id }) => id)).toEqual([requestId]);
  });

  it('the codec fails on every heartbeat of a slow POST but the one before it', async () => {
    const codec = failingCodec(2, Infinity, '"stage":"sending"');
    const { simulator, generations } = await generationsWith(codec, [
      { fault: 'accept-then-delay', step: 'submit', delayMs: 3_600 },
    ]);
    const handle = await generations.start({ model: flux, input: { prompt: 'once' } }, { key: `once-${randomUUID()}` });
    const { requestId } = await handle.result();
    expect(codec.failures()).toBeGreaterThan(0);
    expect(simulator.ledger().jobs.map(({ id }) => id)).toEqual([requestId]);
  });

  it('the codec fails on the failure that says that its outcome is unknown', async () => {
    const codec = failingCodec(1, 3, '"submission":"unknown"', '"searchAttributes"');
    const { client, simulator, generations } = await generationsWith(codec, [
      { fault: 'accept-then-reset', step: 'submit', times: 1 },
    ]);
    const handle = await generations.start({ model: flux, input: { prompt: 'once' } }, { key: `once-${randomUUID()}` });
    const run = client.workflow.getHandle(handle.key);
    const { evidence } = await untilState(run, ({ phase }) => phase === 'submission_unknown');
    expect(codec.failures()).toBe(3);
    expect(evidence?.sentAt).toBeDefined();
    expect(simulator.ledger().totals.submits).toBe(1);
    await run.executeUpdate('resolveSubmission', { args: [{ action: 'abandon' }] });
  });

  it('the codec fails on the failure that says that the order was refused for now', async () => {
    const codec = failingCodec(1, 3, '"submission":"refused"', '"searchAttributes"');
    const { simulator, generations } = await generationsWith(codec, [
      { fault: 'rate-limited', step: 'submit', times: 1, retryAfter: 1 },
    ]);
    const handle = await generations.start({ model: flux, input: { prompt: 'once' } }, { key: `once-${randomUUID()}` });
    const { requestId } = await handle.result();
    expect(codec.failures()).toBe(3);
    expect(simulator.ledger().jobs.map(({ id }) => id)).toEqual([requestId]);
  });

  it('a name in the input is so long that warnings about it would not fit', async () => {
    const { simulator, generations } = await generationsWith(failingCodec(1, 0));
    const input = { prompt: 'once', ['k'.repeat(350_000)]: 'image' };
    const handle = await generations.start({ model: flux, input }, { key: `once-${randomUUID()}` });
    const { requestId } = await handle.result();
    expect(simulator.ledger().jobs.map(({ id }) => id)).toEqual([requestId]);
    // A worker that is busy leaves the answer to the server, which knows no warnings.
    await eventually(async () => {
      expect((await handle.state()).warnings?.join()).toContain('kkk');
    });
  });
});
