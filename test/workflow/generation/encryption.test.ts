import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import { createEncryptionCodec } from '../../../codec/index.ts';
import type { FaultRule } from '../../../simulator/index.ts';
import { startSimulator } from '../../../simulator/index.ts';
import { historiesOf, historyJson } from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { flux } from '../../support/simulator-client.ts';

const secret = 'an unreleased red bicycle';

async function encrypted(faults: FaultRule[] = []) {
  const keys = { k1: randomBytes(32) };
  const dataConverter = { payloadCodecs: [createEncryptionCodec({ keys, activeKeyId: 'k1' })] };
  const clientConnection = await Connection.connect({ address: inject('temporalAddress') });
  const client = new Client({ connection: clientConnection, dataConverter });
  const simulator = await startSimulator({ seed: 3, profiles: { '*': { queueReads: 1, runReads: 1 } }, faults });
  onTestFinished(async () => {
    await simulator.close();
    await clientConnection.close();
  });
  const workers = await inProcessWorkers(client, simulator.modelApiBase, { dataConverter });
  await workers.start();
  return { client, simulator, generations: createGenerationClient({ client, taskQueue: workers.taskQueue }) };
}

/** Everything readable in the histories of a key, bytes decoded. */
async function readableHistory(client: Client, key: string): Promise<string> {
  const json = (await historiesOf(client, key)).map(historyJson).join('\n');
  const decoded = Array.from(json.matchAll(/"([A-Za-z0-9+/]{8,}={0,2})"/g), ([, base64 = '']) =>
    Buffer.from(base64, 'base64').toString('latin1'),
  );
  return [json, ...decoded].join('\n');
}

describe('a generation whose payloads are encrypted', () => {
  it('runs as any other, attaches by its key, and leaves nothing readable of input and output', async () => {
    const { client, generations } = await encrypted();
    const order = { model: flux, input: { prompt: secret } };
    const handle = await generations.start(order, { key: `codec-${randomUUID()}` });
    const { output } = await handle.result();
    expect(output.images.length).toBeGreaterThan(0);
    const again = await generations.start(order, { key: handle.key });
    expect(again.attached).toBe(true);
    const other = { model: flux, input: { prompt: 'another' } };
    await expect(generations.start(other, { key: handle.key })).rejects.toMatchObject({ type: 'KeyInUse' });

    const readable = await readableHistory(client, handle.key);
    expect(readable).toContain('binary/encrypted');
    expect(readable).not.toContain(secret);
    expect(readable).not.toContain(output.images[0] ?? 'no output');
  });

  it('is resolved and cancelled as any other', async () => {
    const { simulator, generations } = await encrypted([{ fault: 'accept-then-reset', step: 'submit', times: 1 }]);
    const handle = await generations.start({ model: flux, input: { prompt: secret } });
    await expect.poll(async () => (await handle.state()).phase, { timeout: 30_000 }).toBe('submission_unknown');
    const requestId = simulator.ledger().jobs[0]?.id ?? '';
    await handle.resolveSubmission({ action: 'adopt', requestId });
    expect((await handle.result()).requestId).toBe(requestId);
  });
});
