import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import { createEncryptionCodec } from '../../../codec/index.ts';
import { type FaultRule, startSimulator } from '../../../simulator/index.ts';
import { connectTo } from '../../support/connect.ts';
import { eventually } from '../../support/eventually.ts';
import { historiesOf, historyJson } from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { flux } from '../../support/simulator-client.ts';
import { onTestFinished } from '../../support/test-end.ts';

const secret = 'an unreleased red bicycle';

const k1 = randomBytes(32);

function sealing(keys: Record<string, Buffer>, activeKeyId: string) {
  return { payloadCodecs: [createEncryptionCodec({ keys, activeKeyId })] };
}

async function encrypted(faults: FaultRule[] = [], profile: object = { queueReads: 1, runReads: 1 }) {
  const dataConverter = sealing({ k1 }, 'k1');
  const clientConnection = await connectTo();
  const client = new Client({ connection: clientConnection, dataConverter });
  const simulator = await startSimulator({ seed: 3, profiles: { '*': profile }, faults });
  onTestFinished(async () => {
    await simulator.close();
    await clientConnection.close();
  });
  const workers = await inProcessWorkers(client, simulator.modelApiBase, { dataConverter });
  await workers.start();
  /** A client whose payloads nobody else can read, or only who has its key. */
  const clientWith = (keys: Record<string, Buffer>, activeKeyId: string) =>
    new Client({ connection: clientConnection, dataConverter: sealing(keys, activeKeyId) });
  return {
    client,
    clientWith,
    workers,
    simulator,
    generations: createGenerationClient({ client, taskQueue: workers.taskQueue }),
  };
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
    await eventually(async () => {
      expect((await handle.state()).phase).toBe('submission_unknown');
    });
    const requestId = simulator.ledger().jobs[0]?.id ?? '';
    await handle.resolveSubmission({ action: 'adopt', requestId });
    expect((await handle.result()).requestId).toBe(requestId);
  });

  it('takes a message that was encrypted otherwise, or forged, for junk and goes on', async () => {
    const { clientWith, simulator, generations } = await encrypted([], { queueReads: 1_000, runReads: 1 });
    const handle = await generations.start(
      { model: flux, input: { prompt: secret } },
      { key: `codec-${randomUUID()}` },
    );
    await eventually(async () => {
      expect((await handle.state()).requestId).toBeDefined();
    });
    const forger = clientWith({ k1: randomBytes(32) }, 'k1').workflow.getHandle(handle.key);
    const stranger = clientWith({ k2: randomBytes(32) }, 'k2').workflow.getHandle(handle.key);
    for (const other of [forger, stranger]) {
      await other.signal('nudge', { any: 'thing' });
      await other.signal('requestAccepted', { firstExecutionRunId: 'x', requestId: 'y' });
    }
    const state = await handle.state();
    expect(state.otherRequestIds).toBeUndefined();
    await forger.signal('cancel', { reason: 'nobody can read this' });
    await expect(handle.result()).rejects.toMatchObject({ type: 'GenerationCancelled' });
    expect((await handle.state()).cancel?.reason).toBeUndefined();
    expect(simulator.ledger().jobs.map((job) => job.state)).toEqual(['cancelled']);
  });

  it('waits for the key of its order, sends nothing meanwhile, and refuses an order that no key can read', async () => {
    const { client, clientWith, workers, simulator, generations } = await encrypted();
    const k2 = randomBytes(32);
    const start = (by: Client, key: string) =>
      createGenerationClient({ client: by, taskQueue: workers.taskQueue }).start(
        { model: flux, input: { prompt: secret } },
        { key },
      );
    const forged = await start(clientWith({ k1: randomBytes(32) }, 'k1'), `codec-${randomUUID()}`);
    const refused = client.workflow.getHandle(forged.key).result();
    await expect(refused).rejects.toMatchObject({ cause: { type: 'InvalidInput' } });

    const startWaiting = () => start(clientWith({ k2 }, 'k2'), `codec-${randomUUID()}`);
    const waiting = [await startWaiting()];
    await eventually(async () => {
      const { events = [] } = await client.workflow.getHandle(waiting.at(-1)?.key ?? '').fetchHistory();
      // Temporal writes down no failure of a task that has run out of time once before.
      if (events?.some((event) => event.workflowTaskTimedOutEventAttributes)) waiting.push(await startWaiting());
      const failures = events?.flatMap(
        ({ workflowTaskFailedEventAttributes: failed }) => failed?.failure?.message ?? [],
      );
      expect(failures?.[0]).toContain('a key that this worker lacks');
    });
    expect(simulator.ledger().jobs).toEqual([]);
    await workers.stop();
    await workers.start({ dataConverter: sealing({ k1, k2 }, 'k1') });
    for (const { key } of waiting) expect((await generations.result(key)).output.images.length).toBeGreaterThan(0);
  });
});
