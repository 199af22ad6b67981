import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createStack, jobsNamed, orderNamed } from '../support/generation-stack.ts';
import { checkExecution } from '../support/generations.ts';
import { freePort, startWorkerProcess, temporaryFolder, until } from '../support/processes.ts';
import { startOwnServer } from '../support/server.ts';

const clip = { images: [], audios: [] };

describe.concurrent('one generation through real processes', () => {
  it('goes from the client to the result, and the worker tells how it is and what it did', async () => {
    const { generations, simulator, settings, checkAll } = await createStack();
    const [health, metrics] = [await freePort(), await freePort()];
    const env = {
      RUNCOMFY_HEALTH_ADDRESS: `127.0.0.1:${String(health)}`,
      RUNCOMFY_METRICS_ADDRESS: `127.0.0.1:${String(metrics)}`,
    };
    const worker = await startWorkerProcess({ ...settings, env });

    const generation = await generations.start(orderNamed('clean'));
    const result = await generation.result();

    const [job] = jobsNamed(simulator, 'clean');
    expect(result).toMatchObject({ requestId: job?.id, model: orderNamed('').model, output: clip });
    expect(result.output.videos).toHaveLength(1);
    expect(result.costUsd).toBe(job?.chargedUsd);
    expect(result.reads).toBe((job?.statusCalls ?? 0) + (job?.resultCalls ?? 0));
    expect(await generation.state()).toMatchObject({ phase: 'succeeded', submission: 'accepted' });
    await checkAll([generation.key]);

    const get = (port: number, where: string) => fetch(`http://127.0.0.1:${String(port)}${where}`);
    expect((await get(health, '/healthz')).status).toBe(200);
    // A server that has much else to do may not answer within the second that a probe has.
    const ready = await until('the worker is ready', async () => {
      const reply = await get(health, '/readyz');
      const answer = await reply.json();
      return reply.status === 200 && answer;
    });
    expect(ready).toEqual({ status: 'ready' });
    expect((await get(health, '/elsewhere')).status).toBe(404);
    const names = ['runcomfy_generations', 'runcomfy_generation_reads', 'runcomfy_generation_cost'];
    const figures = await until('the metrics show the generation', async () => {
      const text = await (await get(metrics, '/metrics')).text();
      return names.every((name) => text.includes(name)) && text;
    });
    for (const name of names) {
      expect(figures).toMatch(new RegExp(`^(temporal_)?${name}\\w*\\{.*outcome="succeeded".*\\} [1-9]`, 'm'));
    }
    expect(figures).toMatch(/^temporal_\w+\{/m);
    expect(await worker.stop()).toBe(0);
  });

  it('goes on with another worker when its own is killed while waiting', async () => {
    const { generations, simulator, settings, checkAll } = await createStack();
    simulator.hold();
    const first = await startWorkerProcess(settings);
    const generation = await generations.start(orderNamed('worker killed'));
    await until('the order waits in the queue', () => (jobsNamed(simulator, 'worker killed')[0]?.statusCalls ?? 0) > 0);
    await first.kill9();
    simulator.release();
    await startWorkerProcess(settings);

    expect((await generation.result()).output.videos).toHaveLength(1);
    expect(simulator.ledger().totals).toMatchObject({ submits: 1, accepted: 1, charged: 1 });
    await checkAll([generation.key]);
  });

  it('goes on when the embedded server is killed and started again on the same file', async () => {
    const dbFile = path.join(await temporaryFolder(), 'temporal.db');
    const before = await startOwnServer({ dbFile });
    const { address } = before;
    const { client, generations, simulator, settings } = await createStack({ address });
    simulator.hold();
    await startWorkerProcess(settings);
    const generation = await generations.start(orderNamed('server killed'));
    await until('the order waits in the queue', () => (jobsNamed(simulator, 'server killed')[0]?.statusCalls ?? 0) > 0);
    const result = generation.result();
    await before.kill9();
    simulator.release();
    const after = await startOwnServer({ dbFile, port: Number(address.split(':')[1]) });
    try {
      expect((await result).output.videos).toHaveLength(1);
      expect(simulator.ledger().totals).toMatchObject({ submits: 1, accepted: 1, charged: 1 });
      await checkExecution(client, generation.key);
    } finally {
      await after.stop();
    }
  });
});
