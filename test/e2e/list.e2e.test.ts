import { randomBytes, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import {
  createGenerationClient,
  type GenerationClient,
  type ListedGeneration,
  type ListFilter,
} from '../../client/index.ts';
import { listOpenGenerations } from '../../client/operator/index.ts';
import { createEncryptionCodec } from '../../codec/index.ts';
import type { Phase } from '../../domain/generation.ts';
import type { FaultRule } from '../../simulator/index.ts';
import { eventually } from '../support/eventually.ts';
import { connectToOwnNamespace, createStack, type GenerationStack } from '../support/generation-stack.ts';
import { startWorkerProcess, until } from '../support/processes.ts';

const stuck = 'kling/kling-3.0/pro/text-to-video';
const removed = 'google/nano-banana-2/text-to-image';
const limited = 'google/nano-banana-2-lite/text-to-image';
const lost = 'blackforestlabs/flux-2/flash/text-to-image';

const faults: FaultRule[] = [
  { fault: 'stuck-in-queue', step: 'submit', model: stuck },
  { fault: 'model-removed', step: 'submit', model: removed },
  { fault: 'rate-limited', step: 'submit', retryAfter: 120, model: limited },
  { fault: 'accept-then-reset', step: 'submit', model: lost },
];

describe.concurrent('what Temporal knows of the end of a run', () => {
  it('wins over what the run said last, in state, watch, cancel and list', async () => {
    const stack = await createStack({ client: await connectToOwnNamespace(), simulator: { faults } });
    const worker = await startWorkerProcess(stack.settings);
    const { client, generations } = stack;
    const terminated = `terminated ${randomUUID()}`;
    const timedOut = `timed out ${randomUUID()}`;
    await generations.start({ model: stuck, input: { prompt: terminated } }, { key: terminated });
    await untilPhase(stack, terminated, 'in_queue');
    await until('the index has it', async () => {
      const open = await listOpenGenerations(client, ['never "started"', terminated]);
      return isDeepStrictEqual([...(open?.keys() ?? [])], [terminated]) && open?.get(terminated)?.phase === 'in_queue';
    });
    const watched = lastOf((await generations.get(terminated)).watch({ intervalMs: 200 }));
    await client.workflow.getHandle(terminated).terminate('by a test');
    // Last, so that its time is still long when the worker is killed.
    await client.workflow.start('runcomfyGeneration', {
      workflowId: timedOut,
      taskQueue: stack.settings.taskQueue,
      workflowRunTimeout: '80s',
      args: [{ model: stuck, input: { prompt: timedOut }, deadlineMs: 120_000 }],
    });
    await untilPhase(stack, timedOut, 'in_queue');
    // With a worker it would end at its deadline, which comes before the run's own timeout.
    await worker.kill9();
    await until('the run timed out', async () => (await generations.get(timedOut)).isEnded());
    await startWorkerProcess(stack.settings);

    const ends = [
      { key: terminated, phase: 'cancelled', type: 'GenerationCancelled' },
      { key: timedOut, phase: 'timed_out', type: 'GenerationTimedOut' },
    ] as const;
    for (const { key, phase, type } of ends) {
      const handle = await generations.get(key);
      const state = await handle.state();
      expect(state).toMatchObject({ phase, requestId: expect.any(String) as string, failure: { type } });
      expect(state.failure?.message).toContain('RunComfy was not told');
      expect(state.nextReadAt).toBeUndefined();
      expect(await handle.cancel()).toEqual({ outcome: 'too_late', phase });
      await expect(handle.result()).rejects.toMatchObject({ type, phase });
      await eventually(async () => {
        expect(await keysOf(generations, { phase, limit: Infinity })).toContain(key);
      });
      expect(await keysOf(generations, { phase: 'in_queue', limit: Infinity })).not.toContain(key);
    }
    expect(await watched).toMatchObject({ phase: 'cancelled' });
  });
});

describe.concurrent('list', () => {
  it('finds by phase and model what never got past the submit', async () => {
    const stack = await createStack({ client: await connectToOwnNamespace(), simulator: { faults } });
    await startWorkerProcess(stack.settings);
    const { generations } = stack;
    const wanted: { phase: Phase; model: string; key: string }[] = [
      { phase: 'failed', model: removed, key: `refused ${randomUUID()}` },
      { phase: 'submitting', model: limited, key: `limited ${randomUUID()}` },
      { phase: 'cancelled', model: limited, key: `never sent ${randomUUID()}` },
      { phase: 'submission_unknown', model: lost, key: `unknown ${randomUUID()}` },
    ];
    const start = async ({ model, key }: { model: string; key: string }) =>
      generations.start({ model, input: { prompt: key } }, { key });
    // A limit holds back every order of the worker: those that meet one come last.
    for (const order of wanted.filter(({ model }) => model !== limited)) await start(order);
    await untilPhase(stack, wanted[0]?.key ?? '', 'failed');
    await untilPhase(stack, wanted[3]?.key ?? '', 'submission_unknown');
    for (const order of wanted.filter(({ model }) => model === limited)) await start(order);
    await until('a submit was refused for the moment', () =>
      stack.simulator.events().some(({ path, step }) => step === 'submit' && String(path).endsWith(limited)),
    );
    expect(await (await generations.get(wanted[2]?.key ?? '')).cancel()).toMatchObject({ outcome: 'not_submitted' });
    for (const { phase, model, key } of wanted) {
      const row = expect.objectContaining({ key, phase, model }) as ListedGeneration;
      await eventually(async () => {
        expect(await all(generations, { phase, limit: Infinity })).toContainEqual(row);
      });
      await eventually(async () => {
        expect(await all(generations, { model, phase, limit: Infinity })).toContainEqual(row);
      });
      expect(await keysOf(generations, { phase: 'succeeded', model, limit: Infinity })).not.toContain(key);
    }
    await Promise.all(
      wanted.map(async ({ key }) =>
        stack.client.workflow
          .getHandle(key)
          .terminate()
          .catch(() => undefined),
      ),
    );
  });

  it('finds keys by a beginning that no query can compare', async () => {
    const client = await connectToOwnNamespace();
    const generations = createGenerationClient({ client, taskQueue: `nowhere-${randomUUID()}` });
    for (const beginning of ['say "hi"/', "it's/", 'shop/cart?id=', 'a\\b', 'a\nb', '100%_!']) {
      const key = `${beginning}${randomUUID()}`;
      await generations.start({ model: 'test/model', input: {} }, { key });
      await eventually(async () => {
        expect(await keysOf(generations, { keyPrefix: beginning, limit: Infinity })).toEqual([key]);
      });
    }
  });

  it('reaches all by pages, those that run first, and marks the row that it cannot decode', async () => {
    const plain = await connectToOwnNamespace();
    const { namespace } = plain.options;
    const codec = createEncryptionCodec({ keys: { k1: randomBytes(32) }, activeKeyId: 'k1' });
    const encrypting = new Client({
      connection: plain.connection,
      namespace,
      dataConverter: { payloadCodecs: [codec] },
    });
    const taskQueue = `nowhere-${randomUUID()}`;
    const model = `test/model-${randomUUID()}`;
    const generations = createGenerationClient({ client: plain, taskQueue });
    const keys = Array.from({ length: 104 }, (_, index) => `paged ${String(index)} ${randomUUID()}`);
    const secret = `encrypted ${randomUUID()}`;
    await createGenerationClient({ client: encrypting, taskQueue }).start({ model, input: {} }, { key: secret });
    const broken = `broken ${randomUUID()}`;
    await plain.workflowService.startWorkflowExecution({
      namespace,
      workflowId: broken,
      requestId: randomUUID(),
      workflowType: { name: 'runcomfyGeneration' },
      taskQueue: { name: taskQueue },
      input: {
        payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"model": oops') }],
      },
    });
    // Those that start within one second are listed in no order of their own.
    for (const key of keys) await generations.start({ model, input: {} }, { key });
    const [ended = '', ...running] = keys;
    await plain.workflow.getHandle(ended).terminate();
    await eventually(async () => {
      expect((await keysOf(generations, { model, limit: Infinity })).sort()).toEqual([...keys].sort());
    });
    const listed = await keysOf(generations, { model, limit: Infinity });
    expect(listed).toEqual([...running.toReversed(), ended]);
    expect(await keysOf(generations, { model, limit: 3 })).toEqual(listed.slice(0, 3));

    await eventually(async () => {
      const everything = await all(generations, { phase: 'submitting', limit: Infinity });
      for (const key of [secret, broken]) {
        const row = { key, model: '', phase: 'submitting', isUndecodable: true };
        expect(everything).toContainEqual(expect.objectContaining(row));
      }
    });
    await Promise.all([...running, secret, broken].map((key) => plain.workflow.getHandle(key).terminate()));
  });
});

async function untilPhase({ generations }: GenerationStack, key: string, phase: Phase): Promise<void> {
  await until(`"${key}" is ${phase}`, async () => (await (await generations.get(key)).state()).phase === phase);
}

async function all(generations: GenerationClient, filter: ListFilter): Promise<ListedGeneration[]> {
  const rows: ListedGeneration[] = [];
  for await (const row of generations.list(filter)) rows.push(row);
  return rows;
}

async function keysOf(generations: GenerationClient, filter: ListFilter): Promise<string[]> {
  return (await all(generations, filter)).map(({ key }) => key);
}

async function lastOf<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  let last: T | undefined;
  for await (const item of items) last = item;
  return last;
}
