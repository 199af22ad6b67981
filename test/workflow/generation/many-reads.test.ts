import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import type { Simulator } from '../../../simulator/index.ts';
import type { GenerationWorkerOptions } from '../../../worker/index.ts';
import { connectClient, orderNamed, startQuickSimulator } from '../../support/generation-stack.ts';
import { quietRuntime } from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { hangMs } from '../../support/patience.ts';

const interactive = { preset: 'interactive' } as const;

/** Workers one after the other on one queue, and a simulator that holds every job until it is told otherwise. */
async function heldGenerations(options: Partial<GenerationWorkerOptions>) {
  quietRuntime();
  const client = await connectClient();
  const simulator = await startQuickSimulator({ profiles: { '*': { queueMs: 0, runMs: 500 } } });
  simulator.hold();
  const workers = await inProcessWorkers(client, simulator.modelApiBase, options);
  return { simulator, generations: createGenerationClient({ client, taskQueue: workers.taskQueue }), workers };
}

async function untilReads(simulator: Simulator, isEnough: (reads: number[]) => boolean): Promise<void> {
  const giveUpAt = Date.now() + hangMs;
  for (;;) {
    const reads = simulator.ledger().jobs.map(({ statusCalls }) => statusCalls);
    if (isEnough(reads)) return;
    if (Date.now() > giveUpAt) throw new Error(`the reads did not come: ${reads.join(' ')}`);
    await sleep(50);
  }
}

it.concurrent('lets submits, cancels and results pass although pausing reads would take every slot', async () => {
  const stack = await heldGenerations({ maxConcurrentReads: 10 });
  const { simulator, generations } = stack;
  await stack.workers.start();
  const many = 30;
  const names = Array.from({ length: many }, (_, index) => `clip ${String(index)}`);
  const started = await Promise.all(
    names.map((name) => generations.start({ ...orderNamed(name), waiting: interactive })),
  );
  await untilReads(simulator, (reads) => reads.length === many && reads.every((count) => count > 1));

  const orderedAt = Date.now();
  const late = await generations.start({ ...orderNamed('late'), waiting: interactive });
  await untilReads(simulator, (reads) => reads.length === many + 1);
  expect(Date.now() - orderedAt).toBeLessThan(5_000);

  const cancelledAt = Date.now();
  const { outcome } = await (await generations.get(started[3]?.key ?? '')).cancel();
  expect(outcome).toBe('cancelled');
  expect(Date.now() - cancelledAt).toBeLessThan(5_000);

  simulator.release();
  const others = [...started.filter((_, index) => index !== 3), late];
  const results = await Promise.all(others.map((generation) => generation.result()));
  expect(results).toHaveLength(many);
  for (const { requestId, reads } of results) {
    const job = simulator.ledger().jobs.find(({ id }) => id === requestId);
    expect(reads).toBe((job?.statusCalls ?? 0) + (job?.resultCalls ?? 0));
  }
});

it.concurrent(
  'keeps to the limit on reads in any ten seconds, a restart with everything overdue included',
  async () => {
    const readsPerSecond = 10;
    const stack = await heldGenerations({ readsPerSecond });
    const { simulator, generations } = stack;
    await stack.workers.start();
    const many = 40;
    const started = await Promise.all(
      Array.from({ length: many }, (_, index) =>
        generations.start({ ...orderNamed(`clip ${String(index)}`), waiting: interactive }),
      ),
    );
    await untilReads(simulator, (reads) => reads.length === many && reads.every((count) => count > 0));
    await stack.workers.stop();
    await sleep(3_000);
    await stack.workers.start();
    await sleep(8_000);
    simulator.release();
    await Promise.all(started.map((generation) => generation.result()));

    expect(simulator.ledger().totals).toMatchObject({ accepted: many, charged: many });
    const bySecond = new Map(
      simulator.traffic().map(({ second, status = 0, result = 0 }) => [second, status + result]),
    );
    for (const from of bySecond.keys()) {
      const seconds = Array.from({ length: 10 }, (_, offset) => bySecond.get(from + offset) ?? 0);
      expect(seconds.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(10 * readsPerSecond);
    }
  },
);
