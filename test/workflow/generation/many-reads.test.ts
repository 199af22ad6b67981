import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createGenerationClient, type GenerationHandle } from '../../../client/index.ts';
import type { Simulator } from '../../../simulator/index.ts';
import type { GenerationWorkerOptions } from '../../../worker/index.ts';
import { connectClient, jobsNamed, orderNamed, startQuickSimulator } from '../../support/generation-stack.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { createPatience } from '../../support/patience.ts';
import { until } from '../../support/processes.ts';
import { quietRuntime } from '../../support/quiet-runtime.ts';

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
  const patience = createPatience();
  for (;;) {
    const reads = simulator.ledger().jobs.map(({ statusCalls }) => statusCalls);
    if (isEnough(reads)) return;
    if (patience.isOver()) throw new Error(`the reads did not come: ${reads.join(' ')}`);
    await sleep(50);
  }
}

/** Holds for what takes less than five seconds, now and then more while the machine is busy: not for what waits for a slot. */
async function untilQuick(what: string, act: () => Promise<void>): Promise<void> {
  const patience = createPatience();
  for (let startedAt = Date.now(); !patience.isOver(); startedAt = Date.now()) {
    await act();
    if (Date.now() - startedAt < 5_000) return;
  }
  throw new Error(`${what} took five seconds every time`);
}

it.concurrent('lets submits, cancels and results pass although pausing reads would take every slot', async () => {
  const maxConcurrentReads = 10;
  const stack = await heldGenerations({ maxConcurrentReads });
  const { simulator, generations } = stack;
  await stack.workers.start();
  const many = 30;
  const names = Array.from({ length: many }, (_, index) => `clip ${String(index)}`);
  const started = await Promise.all(
    names.map((name) => generations.start({ ...orderNamed(name), waiting: interactive })),
  );
  // More than there are slots; a few orders of many may be late where the machine is busy.
  await untilReads(simulator, (reads) => reads.filter((count) => count > 1).length > 2 * maxConcurrentReads);

  const late: GenerationHandle[] = [];
  await untilQuick('a new order', async () => {
    late.push(await generations.start({ ...orderNamed('late'), waiting: interactive }));
    await until('the new order is made', () => jobsNamed(simulator, 'late').length === late.length);
  });
  const going = [...started];
  await untilQuick('a cancel', async () => {
    const { outcome } = await (await generations.get(going.pop()?.key ?? '')).cancel();
    expect(outcome).toBe('cancelled');
  });

  simulator.release();
  const results = await Promise.all([...going, ...late].map((generation) => generation.result()));
  expect(results).toHaveLength(going.length + late.length);
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
