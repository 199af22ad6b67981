import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { StartOptions } from '../../client/index.ts';
import { readSubmits, resumeSubmits, type SubmitFlow } from '../../client/operator/index.ts';
import { commandWith } from '../support/command-in-process.ts';
import { createStack, jobsNamed, orderNamed } from '../support/generation-stack.ts';
import { freePort, startWorkerProcess, until } from '../support/processes.ts';

const { TaskQueueType } = proto.temporal.api.enums.v1;

describe('submits', () => {
  it('are held while paused, seen everywhere, and go out once resumed, each once', async () => {
    const { client, generations, settings, simulator } = await createStack();
    const { taskQueue } = settings;
    onTestFinished(async () => {
      await resumeSubmits(client, taskQueue);
    });
    const port = await freePort();
    await startWorkerProcess({ ...settings, env: { RUNCOMFY_HEALTH_ADDRESS: `127.0.0.1:${String(port)}` } });
    const submits = async (...args: string[]) => {
      const { exitCode, stdout } = await commandWith(settings, ['submits', ...args, '--output', 'json']);
      expect(exitCode).toBe(0);
      return JSON.parse(stdout) as SubmitFlow;
    };
    const ready = async () => {
      const reply = await fetch(`http://127.0.0.1:${String(port)}/readyz`);
      return { status: reply.status, ...((await reply.json()) as object) };
    };
    const free = { taskQueue: `${taskQueue}-submit`, isPaused: false, waiting: 0, partitions: 1 };
    expect(await submits('status')).toEqual(free);
    // A server that has much else to do may not tell it within the second in which a probe is answered.
    await until('the worker is ready', async () => isDeepStrictEqual(await ready(), { status: 'ready' }));

    const before = `before ${randomUUID()}`;
    await generations.start(orderNamed(before), { key: before });
    await until('it was ordered', () => jobsNamed(simulator, before).length === 1);

    const reason = 'the new prompt orders nonsense: "stop"\nat 3 a.m.';
    const paused = await submits('pause', '--reason', reason);
    expect(paused).toMatchObject({ isPaused: true, reason, pausedBy: expect.stringContaining('@') });
    expect(await submits('pause', '--reason', reason)).toMatchObject({ isPaused: true, reason });
    const held = Array.from({ length: 8 }, (_, index) => `held ${String(index)} ${randomUUID()}`);
    await Promise.all(held.map((key) => generations.start(orderNamed(key), { key })));
    // What was sent before is delivered meanwhile.
    await (await generations.get(before)).result();
    await until('all wait', async () => (await submits('status')).waiting === held.length);
    await sleep(2_000);
    expect(simulator.ledger().totals.submits).toBe(1);
    expect((await (await generations.get(held[0] ?? '')).state()).phase).toBe('submitting');
    const told = await until('readiness tells of the pause', async () => {
      const reply = await ready();
      return 'submits' in reply && reply;
    });
    expect(told).toMatchObject({ status: 'ready', submits: 'paused', pause: expect.stringContaining(reason) });
    const doctor = await until('doctor reached Temporal', async () => {
      const { stdout } = await commandWith(settings, ['doctor', '--output', 'json']);
      const { checks } = JSON.parse(stdout) as { checks: { check: string }[] };
      return checks.find(({ check }) => check === 'submits');
    });
    expect(doctor).toMatchObject({ status: 'warning', message: expect.stringContaining(reason) });
    // A cancel needs no submit.
    expect(await (await generations.get(held[0] ?? '')).cancel()).toMatchObject({ outcome: 'not_submitted' });

    expect(await submits('resume')).toMatchObject({ isPaused: false });
    for (const key of held.slice(1)) await (await generations.get(key)).result();
    expect(simulator.ledger().totals).toMatchObject({ submits: held.length, accepted: held.length });
    // The server's own count lags behind.
    const { waiting, ...rest } = free;
    expect(
      await until('none waits', async () => {
        const flow = await submits('status');
        return flow.waiting === waiting && flow;
      }),
    ).toMatchObject(rest);
  });

  it('go back to the limit that they had before', async () => {
    const { client, settings } = await createStack();
    const { taskQueue } = settings;
    const { namespace } = client.options;
    await client.workflowService.updateTaskQueueConfig({
      namespace,
      taskQueue: `${taskQueue}-submit`,
      taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
      updateQueueRateLimit: { rateLimit: { requestsPerSecond: 2.5 }, reason: 'as agreed' },
    });
    await untilLimited(client, taskQueue, 2.5);
    for (const reason of ['first', 'second', undefined]) {
      const args = reason === undefined ? [] : ['--reason', reason];
      await commandWith(settings, ['submits', 'pause', ...args]);
    }
    expect(await readSubmits(client, taskQueue)).toMatchObject({ isPaused: true, perSecond: 2.5 });
    for (let times = 0; times < 2; times++) {
      expect(await resumeSubmits(client, taskQueue)).toMatchObject({ isPaused: false, perSecond: 2.5 });
    }
  });

  it('go out by priority, and by turns of tenants, where they wait for a limit of rate', async () => {
    const { client, generations, settings, simulator } = await createStack();
    const { taskQueue } = settings;
    await client.workflowService.updateTaskQueueConfig({
      namespace: client.options.namespace,
      taskQueue: `${taskQueue}-submit`,
      taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
      updateQueueRateLimit: { rateLimit: { requestsPerSecond: 3 }, reason: 'a low limit' },
    });
    await untilLimited(client, taskQueue, 3);
    await commandWith(settings, ['submits', 'pause']);
    // What a worker holds at the same moment may change places.
    await startWorkerProcess({ ...settings, env: { RUNCOMFY_MAX_CONCURRENT_SUBMITS: '1' } });
    const key = (name: string) => `${name} ${randomUUID()}`;
    const [late, urgent] = [key('late'), key('urgent')];
    const many = Array.from({ length: 10 }, () => key('many'));
    const few = Array.from({ length: 2 }, () => key('few'));
    const waitFor = async (count: number) =>
      await until(`${String(count)} wait`, async () => (await readSubmits(client, taskQueue)).waiting === count);
    await generations.start(orderNamed(late), { key: late, priority: 5 });
    await waitFor(1);
    for (const name of many) await generations.start(orderNamed(name), { key: name, tenant: 'many' });
    await waitFor(11);
    for (const name of few) await generations.start(orderNamed(name), { key: name, tenant: 'few', weight: 2 });
    await waitFor(13);
    const { model, input } = orderNamed(urgent);
    const args = ['generate', model, '--input', JSON.stringify(input), '--key', urgent, '--no-wait'];
    expect((await commandWith(settings, [...args, '--priority', '1'])).exitCode).toBe(0);
    await waitFor(14);
    await resumeSubmits(client, taskQueue);
    const jobs = await until('all are ordered', () => {
      const { jobs: all } = simulator.ledger();
      return all.length === 14 && all.map(({ input: { prompt } }) => String(prompt));
    });
    expect(jobs.indexOf(urgent)).toBeLessThan(3);
    expect(jobs.indexOf(late)).toBeGreaterThan(10);
    for (const name of few) expect(jobs.indexOf(name)).toBeLessThan(9);
  });

  it('say what is wrong with a priority', async () => {
    const { generations } = await createStack();
    const order = orderNamed('nothing');
    for (const [options, path] of [
      [{ priority: 0 }, 'priority'],
      [{ priority: 2.5 }, 'priority'],
      [{ tenant: 'é'.repeat(33) }, 'tenant'],
      [{ tenant: '' }, 'tenant'],
      [{ tenant: 'a', weight: 0 }, 'weight'],
      [{ weight: 2 }, 'weight'],
    ] as const) {
      await expect(generations.start(order, options as StartOptions)).rejects.toMatchObject({
        type: 'InvalidInput',
        issues: [{ path }],
      });
    }
  });
});

/** A part of the server stores a limit, and another hears of it. */
async function untilLimited(client: Client, taskQueue: string, perSecond: number): Promise<void> {
  await until('the limit is heard of', async () => (await readSubmits(client, taskQueue)).perSecond === perSecond);
}
