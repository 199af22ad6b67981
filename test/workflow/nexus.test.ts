import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGenerationClient } from '../../client/index.ts';
import type { GenerationResult } from '../../domain/generation.ts';
import { commandInProcess } from '../support/command-in-process.ts';
import { eventually } from '../support/eventually.ts';
import { nexusStack, nexusTenant } from '../support/nexus-stack.ts';

const stack = nexusStack();
const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';
/** These models behave as their names say. */
const held = 'google/nano-banana-2-lite/text-to-image';
const failing = 'wan-ai/wan-2.7/text-to-image';
const running = 'google/nano-banana-2/text-to-image';

beforeAll(() => {
  stack.simulator().setFaults([
    { fault: 'stuck-in-queue', step: 'submit', model: held },
    { fault: 'stuck-running', step: 'submit', model: running },
    { fault: 'job-fails', step: 'submit', model: failing, word: 'no such style' },
  ]);
});

const newOrder = (of = model) => ({ key: `order-${randomUUID()}`, model: of, input: { prompt: randomUUID() } });
const jobsOf = (prompt: string) =>
  stack
    .simulator()
    .ledger()
    .jobs.filter(({ input }) => input['prompt'] === prompt);
const generation = (key: string) => createGenerationClient({ client: stack.client() }).get(`${nexusTenant}/${key}`);

describe.concurrent('a workflow of another namespace', () => {
  it('has a generation made, and another that orders the same is given the same: one bill', async () => {
    const order = newOrder();
    const [first, second] = await Promise.all([stack.ask('generate', order), stack.ask('generate', order)]);
    const { output, requestId } = first.output as GenerationResult;
    expect(output.images).toHaveLength(1);
    expect(second.output).toEqual(first.output);
    // By now it has ended, and the operation is answered at once.
    expect((await stack.ask('generate', order)).output).toEqual(first.output);
    expect(jobsOf(order.input.prompt).map(({ id }) => id)).toEqual([requestId]);
  });

  it('orders anew with each operation that names no key', async () => {
    const { key: _key, ...order } = newOrder();
    const unsaid = { key: null, deadlineMs: null, webhook: null };
    const answers = await Promise.all([stack.ask('generate', order), stack.ask('generate', { ...order, ...unsaid })]);
    expect(new Set(answers.map(({ output }) => (output as GenerationResult).requestId)).size).toBe(2);
    expect(jobsOf(order.input.prompt)).toHaveLength(2);
  });

  it('finds type and details of a failure, while it waits and afterwards', async () => {
    const order = newOrder(failing);
    const [waited, attached] = [await stack.ask('generate', order), await stack.ask('generate', order)];
    const requestId = jobsOf(order.input.prompt)[0]?.id;
    const failure = { type: 'GenerationFailed', details: { submission: 'accepted', requestId } };
    expect(waited).toMatchObject({ failure, chain: ['NexusOperationFailure', 'ApplicationFailure'] });
    expect(attached).toMatchObject({
      failure,
      chain: ['NexusOperationFailure', 'ApplicationFailure', 'ApplicationFailure'],
    });
    expect(attached.failure?.message).toBe(waited.failure?.message);
  });

  it.each<[what: string, order: unknown, place: string]>([
    ['an unknown field', { ...newOrder(), colour: 'red' }, 'request.colour'],
    ['an input that the model does not take', { model, input: {} }, '$.prompt'],
    ['a key that is no text', { ...newOrder(), key: 7 }, 'key'],
    ['no order at all', 'please', 'request.model'],
    [
      'secrets of another tenant',
      { ...newOrder(), webhook: { url: 'https://hooks.example/', secret: 'beta' } },
      'request.webhook.secret',
    ],
  ])('is told at once of %s, and nothing is sent', async (_what, order, place) => {
    const { failure } = await stack.ask('generate', order);
    expect(failure).toMatchObject({ type: 'InvalidInput', details: { submission: 'not_sent' } });
    expect(failure?.details.issues?.map(({ path }) => path)).toContain(place);
  });

  it('spends of its own budgets alone', async () => {
    const { failure } = await stack.ask('generate', { ...newOrder(), maxPriceUsd: 1, budgets: ['spring'] });
    expect(failure).toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining(`there is no budget "${nexusTenant}.spring"`) as unknown,
    });
  });

  it('is refused a key that was used for something else', async () => {
    const order = newOrder();
    await stack.ask('generate', order);
    const other = { ...order, input: { prompt: randomUUID() } };
    const answer = await stack.ask('generate', other);
    expect(answer).toMatchObject({ failure: { type: 'KeyInUse' } });
    expect(answer.chain?.slice(0, 2)).toEqual(['NexusOperationFailure', 'HandlerError']);
    expect(jobsOf(other.input.prompt)).toEqual([]);
  });

  it.each(['state', 'cancel'] as const)('is told by %s that there is no such key', async (operation) => {
    expect(await stack.ask(operation, { key: randomUUID() })).toMatchObject({ failure: { type: 'KeyNotFound' } });
  });

  it('that is cancelled cancels what it ordered', async () => {
    const order = newOrder(held);
    const caller = await stack.begin('generate', order);
    await eventually(() => {
      expect(jobsOf(order.input.prompt)).toHaveLength(1);
    });
    await caller.cancel();
    const { isCancelled, failure } = await caller.result();
    expect([isCancelled, failure]).toEqual([true, undefined]);
    expect((await (await generation(order.key)).state()).cancel?.outcome).toBe('cancelled');
    expect(jobsOf(order.input.prompt)).toMatchObject([{ state: 'cancelled' }]);
  });

  it('that is cancelled waits for what can no longer be stopped, where its order says so', async () => {
    const order = { ...newOrder(running), onCancelWhileRunning: 'wait' };
    const caller = await stack.begin('generate', order);
    const job = () => jobsOf(order.input.prompt)[0];
    await eventually(() => {
      expect(job()?.state).toBe('in_progress');
    });
    await caller.cancel();
    await eventually(async () => {
      expect((await (await generation(order.key)).state()).cancel?.outcome).toBe('not_cancellable');
    });
    stack.simulator().release([job()?.id ?? '']);
    const { output, isCancelled } = await caller.result();
    expect([isCancelled, (output as GenerationResult).requestId]).toEqual([undefined, job()?.id]);
  });

  it('asks where a generation stands and has it cancelled, by the key that it gave', async () => {
    const order = newOrder(held);
    const waiting = await stack.begin('generate', order);
    await eventually(async () => {
      expect(await stack.ask('state', { key: order.key })).toMatchObject({
        output: { phase: 'in_queue', model: held },
      });
    });
    const reply = await stack.ask('cancel', { key: order.key, reason: null });
    expect(reply.output).toEqual({ outcome: 'cancelled', phase: 'cancelled' });
    // Whoever missed the answer asks again.
    expect((await stack.ask('cancel', { key: order.key })).output).toEqual(reply.output);
    expect(await waiting.result()).toMatchObject({ failure: { type: 'GenerationCancelled' } });
  });
});

describe.concurrent('doctor', () => {
  it.each([
    ['that an endpoint leads to the workers', 'ok', () => stack.taskQueue],
    ['how to make one where none does', 'warning', () => `nobody-${randomUUID()}`],
  ])('says %s', async (_what, status, taskQueue) => {
    const env = { RUNCOMFY_NEXUS: 'on', RUNCOMFY_TASK_QUEUE: taskQueue() };
    const { stdout } = await commandInProcess(['doctor', '--output', 'json'], env);
    const { checks } = JSON.parse(stdout) as { checks: { check: string; status: string; fix?: string }[] };
    const found = checks.find(({ check }) => check === 'nexus');
    expect(found).toMatchObject({ status });
    expect(found?.fix?.includes('temporal operator nexus endpoint create')).toBe(status === 'ok' ? undefined : true);
  });
});
