import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Delivery, webhookKey } from '../../domain/webhook/webhook.ts';
import { eventually } from '../support/eventually.ts';
import { createStack, type GenerationStack, jobsNamed, orderNamed } from '../support/generation-stack.ts';
import { historiesOf, historyJson } from '../support/generations.ts';
import { runCommand, startWorkerProcess, temporaryFolder } from '../support/processes.ts';
import { recordHistories } from '../support/record-history.ts';
import { startOwnServer } from '../support/server.ts';
import { updateUntilAnswered } from '../support/until-answered.ts';
import {
  type ReceivedWebhook,
  secretsFile,
  signersOf,
  startReceiver,
  webhookSecret,
} from '../support/webhook-receiver.ts';

const old = webhookSecret(1);
const fresh = webhookSecret(2);

/** How a delivery ended, or stands. */
async function deliveryOf({ client }: GenerationStack, key: string, event: Delivery['event']): Promise<Delivery> {
  return await client.workflow.getHandle(webhookKey(key, event)).query<Delivery>('delivery');
}

/** What was told, each once: a reply that is seen too late has its event delivered again. */
function eventsOf(calls: ReceivedWebhook[]): string[] {
  return [...new Map(calls.map(({ headers, body }) => [headers['webhook-id'], body.type])).values()];
}

/** Keeps the history of a delivery, when recording. */
async function record({ client }: GenerationStack, shape: string, workflowId: string): Promise<void> {
  await recordHistories(shape, await historiesOf(client, workflowId), 'runcomfyWebhook');
}

describe.concurrent('webhooks', () => {
  it('one signed event tells the end, by a worker that is killed between two attempts', async () => {
    const stack = await createStack();
    const file = await secretsFile({ acme: [old] });
    // It takes nothing of the first worker, whose signature is the old one alone, and not the first of the second.
    let signedByBoth = 0;
    const receiver = await startReceiver((call) => {
      if (signersOf(call, [fresh, old]).length === 2) signedByBoth += 1;
      return signedByBoth < 2 ? 500 : 200;
    });
    const settings = {
      ...stack.settings,
      env: { RUNCOMFY_WEBHOOK_SECRETS_FILE: file, RUNCOMFY_WEBHOOK_ALLOW_HOSTS: receiver.host },
    };
    const worker = await startWorkerProcess(settings);
    const key = `webhook-${randomUUID()}`;
    const webhook = { url: `${receiver.url}?planted=query`, secret: 'acme' };
    const handle = await stack.startDirectly(key, { ...orderNamed(`prompt of ${key}`), webhook });
    const result = await handle.result();
    const delivery = stack.client.workflow.getHandle(webhookKey(key, 'generation.succeeded'));
    await eventually(async () => {
      expect((await delivery.query<Delivery>('delivery')).attempts.length).toBeGreaterThan(0);
    });
    // On its way still: it is tried now, and what was tried is told.
    const triedNow = await stack.generations.webhooks.replay(key, 'generation.succeeded');
    expect(triedNow.attempts.length).toBeGreaterThan(0);
    await worker.kill9();
    // Rotated meanwhile: both sign.
    await writeFile(file, JSON.stringify({ acme: [fresh, old] }));
    const byFirst = receiver.of(key).length;
    const second = await startWorkerProcess(settings);
    await eventually(() => {
      expect(receiver.of(key).length).toBeGreaterThan(byFirst);
    });
    await eventually(async () => {
      expect(['waiting', 'delivered']).toContain((await delivery.query<Delivery>('delivery')).state);
    });
    await delivery.signal('retryNow').catch(() => undefined);
    const ended = (await delivery.result()) as Delivery;
    expect(ended).toMatchObject({ state: 'delivered', event: 'generation.succeeded', url: receiver.url });
    await record(stack, 'delivered-by-a-second-worker', delivery.workflowId);

    const listed = await runCommand(['webhooks', 'list', key, '--output', 'json'], stack.settings);
    expect(JSON.parse(listed.stdout)).toEqual({ deliveries: [ended] });
    const before = receiver.of(key).length;
    const again = await stack.generations.webhooks.replay(key, 'generation.succeeded');
    expect(again).toMatchObject({ state: 'delivering', webhookId: ended.webhookId });
    await eventually(() => {
      expect(receiver.of(key).length).toBeGreaterThan(before);
    });
    await expect(stack.generations.webhooks.replay(key, 'generation.failed')).rejects.toMatchObject({
      type: 'KeyNotFound',
    });

    const calls = receiver.of(key);
    const { firstExecutionRunId } = handle;
    expect(new Set(calls.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([`evt_${firstExecutionRunId}_generation.succeeded`]),
    );
    expect(new Set(calls.map(({ raw }) => raw)).size).toBe(1);
    expect(calls.map((call) => signersOf(call, [fresh, old]))).toContainEqual([1]);
    expect(calls.map((call) => signersOf(call, [fresh, old])).at(-1)).toEqual([0, 1]);
    const { data, type } = calls.at(-1)?.body ?? {};
    expect(type).toBe('generation.succeeded');
    expect(data).toMatchObject({
      key,
      phase: 'succeeded',
      submission: 'accepted',
      requestId: result.requestId,
      result,
    });
    expect(calls[0]?.raw).not.toContain('prompt of');
    expect(jobsNamed(stack.simulator, `prompt of ${key}`)).toHaveLength(1);

    await stack.checkAll([key, delivery.workflowId]);
    const histories = await Promise.all([key, delivery.workflowId].map((id) => historiesOf(stack.client, id)));
    const kept = histories.flat().map(historyJson).join('') + worker.output() + second.output();
    for (const secret of [old, fresh]) expect(kept).not.toContain(secret.slice('whsec_'.length));
    expect(worker.output() + second.output()).not.toContain('planted');
  });

  it('one event is told once more, under its id, after Temporal and the worker were killed between two attempts', async () => {
    const dbFile = path.join(await temporaryFolder(), 'temporal.db');
    const before = await startOwnServer({ dbFile });
    const { address } = before;
    const stack = await createStack({ address });
    let isBack = false;
    const receiver = await startReceiver(() => (isBack ? 204 : 500));
    const settings = {
      ...stack.settings,
      env: {
        RUNCOMFY_WEBHOOK_SECRETS_FILE: await secretsFile({ acme: [old] }),
        RUNCOMFY_WEBHOOK_ALLOW_HOSTS: receiver.host,
      },
    };
    const worker = await startWorkerProcess(settings);
    const key = `outlived-${randomUUID()}`;
    const order = { ...orderNamed(key), webhook: { url: receiver.url, secret: 'acme' } };
    const { firstExecutionRunId } = await stack.startDirectly(key, order);
    await eventually(async () => {
      expect(await deliveryOf(stack, key, 'generation.succeeded')).toMatchObject({ state: 'waiting' });
    });
    await Promise.all([before.kill9(), worker.kill9()]);
    const failed = receiver.of(key).length;
    isBack = true;
    const after = await startOwnServer({ dbFile, port: Number(address.split(':')[1]) });
    try {
      await startWorkerProcess(settings);
      const delivery = stack.client.workflow.getHandle(webhookKey(key, 'generation.succeeded'));
      // A machine so slow that the second attempt was made before: the third is minutes away.
      if (failed > 1) await delivery.signal('retryNow');
      const webhookId = `evt_${firstExecutionRunId}_generation.succeeded`;
      expect(await delivery.result()).toMatchObject({ state: 'delivered', webhookId });
      const calls = receiver.of(key);
      expect(calls.length).toBeGreaterThan(failed);
      expect(new Set(calls.map(({ headers, raw }) => `${String(headers['webhook-id'])} ${raw}`)).size).toBe(1);
      expect(calls[0]?.headers['webhook-id']).toBe(webhookId);
      expect(calls.flatMap((call) => signersOf(call, [old]))).toEqual(calls.map(() => 0));
      expect(jobsNamed(stack.simulator, key)).toHaveLength(1);
      await stack.checkAll([key, delivery.workflowId]);
    } finally {
      await after.stop();
    }
  });

  it('what could never be delivered is refused before anything is paid', async () => {
    const stack = await createStack();
    const configured = {
      ...stack.settings,
      env: { RUNCOMFY_WEBHOOK_SECRETS_FILE: await secretsFile({ acme: [old] }) },
    };
    const worker = await startWorkerProcess(configured);
    const refused = async (webhook: object) => {
      const key = `refused-${randomUUID()}`;
      const handle = await stack.startDirectly(key, { ...orderNamed(key), webhook });
      const error: unknown = await handle.result().catch((reason: unknown) => reason);
      const { type, details } = (error as { cause: { type: string; details: [{ issues: { path: string }[] }] } }).cause;
      expect(jobsNamed(stack.simulator, key)).toEqual([]);
      await stack.checkAll([key]);
      return { type, paths: details[0].issues.map(({ path }) => path) };
    };
    expect(await refused({ url: 'https://127.0.0.1/', secret: 'other' })).toEqual({
      type: 'InvalidInput',
      paths: ['request.webhook.url', 'request.webhook.secret'],
    });
    expect(await refused({ url: 'https://user:p@hooks.example/', secret: 'acme' })).toMatchObject({
      paths: ['request.webhook.url'],
    });
    await worker.stop();
    await startWorkerProcess(stack.settings);
    expect(await refused({ url: 'https://hooks.example/', secret: 'acme' })).toEqual({
      type: 'InvalidInput',
      paths: ['request.webhook'],
    });
  });

  it('tells once that a submission is held, and then its end; a receiver that is gone hears no more', async () => {
    const stack = await createStack();
    const receiver = await startReceiver(({ path }) =>
      path.includes('gone') ? 410 : path.includes('down') ? 500 : 204,
    );
    await startWorkerProcess({
      ...stack.settings,
      env: {
        RUNCOMFY_WEBHOOK_SECRETS_FILE: await secretsFile({ acme: [old] }),
        RUNCOMFY_WEBHOOK_ALLOW_HOSTS: receiver.host,
      },
    });
    const held = `held-${randomUUID()}`;
    stack.simulator.setFaults([{ fault: 'accept-then-500', step: 'submit', times: 1 }]);
    const handle = await stack.startDirectly(held, {
      ...orderNamed(held),
      webhook: { url: receiver.url, secret: 'acme' },
    });
    await eventually(() => {
      expect(eventsOf(receiver.of(held))).toEqual(['generation.submission_unknown']);
    });
    expect(receiver.of(held)[0]?.body.data).toMatchObject({ phase: 'submission_unknown', submission: 'unknown' });
    await updateUntilAnswered(handle, 'resolveSubmission', { action: 'abandon' });
    await eventually(() => {
      expect(eventsOf(receiver.of(held))).toEqual(['generation.submission_unknown', 'generation.failed']);
    });
    expect(receiver.of(held).at(-1)?.body.data.failure?.type).toBe('SubmitOutcomeUnknown');

    const settled = `settled-${randomUUID()}`;
    stack.simulator.setFaults([{ fault: 'accept-then-500', step: 'submit', times: 1 }]);
    const adopted = await stack.startDirectly(settled, {
      ...orderNamed(settled),
      webhook: { url: `${receiver.url}/down`, secret: 'acme', events: ['generation.submission_unknown'] },
    });
    await eventually(() => {
      expect(receiver.of(settled)).not.toEqual([]);
    });
    const [job] = jobsNamed(stack.simulator, settled);
    await adopted.executeUpdate('resolveSubmission', { args: [{ action: 'adopt', requestId: job?.id }] });
    await adopted.result();
    const toldOfHold = stack.client.workflow.getHandle(webhookKey(settled, 'generation.submission_unknown'));
    await expect(toldOfHold.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });

    const gone = `gone-${randomUUID()}`;
    const events = ['generation.cancelled'];
    stack.simulator.hold();
    const cancelled = await stack.startDirectly(gone, {
      ...orderNamed(gone),
      webhook: { url: `${receiver.url}/gone`, secret: 'acme', events },
    });
    await cancelled.cancel();
    await cancelled.result().catch(() => undefined);
    await eventually(async () => {
      expect(await deliveryOf(stack, gone, 'generation.cancelled')).toMatchObject({ state: 'gone' });
    });
    expect(eventsOf(receiver.of(gone))).toEqual(events);
    await record(stack, 'gone', webhookKey(gone, 'generation.cancelled'));
    await record(stack, 'delivered', webhookKey(held, 'generation.submission_unknown'));
    await stack.checkAll([held, settled, gone]);
  });
});
