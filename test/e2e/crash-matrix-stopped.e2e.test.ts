import { expect, it } from 'vitest';
import { createStack, type GenerationStack } from '../support/generation-stack.ts';
import { startWorkerProcess, until, type WorkerProcess } from '../support/processes.ts';
import {
  boundaries,
  boundaryRules,
  expectBilledAtMostOnce,
  expectGoodEnd,
  releaseAll,
  sendBoundaries,
  standAt,
  type Standing,
} from './crash-boundaries.ts';

it.concurrent(
  'ends well by itself, for one bill, when the worker is stopped in good order at every boundary',
  async () => {
    const stack = await createStack({ simulator: { faults: boundaryRules } });
    const worker = await startWorkerProcess(stack.settings);
    const standing = await standAt(stack, boundaries);
    expect(await stopAndReplace(stack, standing, worker, 'SIGTERM')).toBe(0);

    await expectGoodEnd(stack, standing);
    expectBilledAtMostOnce(stack, standing);
    await stack.checkAll(standing.map(({ generation }) => generation.key));
  },
);

it.concurrent(
  'ends well by itself, for one bill, when the session of the worker is closed while orders are on their way',
  async () => {
    const stack = await createStack({ simulator: { faults: boundaryRules } });
    const worker = await startWorkerProcess(stack.settings);
    const standing = await standAt(stack, sendBoundaries);
    expect(await stopAndReplace(stack, standing, worker, 'SIGHUP')).toBe(0);

    await expectGoodEnd(stack, standing);
    expectBilledAtMostOnce(stack, standing);
    await stack.checkAll(standing.map(({ generation }) => generation.key));
  },
);

/** What is in flight is answered once the worker is about to stop; gives its exit code. */
async function stopAndReplace(
  stack: GenerationStack,
  standing: Standing[],
  worker: WorkerProcess,
  signal: NodeJS.Signals,
): Promise<number | null> {
  const stopped = worker.stop(signal);
  await until('the worker stops', () => worker.output().includes('stopping: what is in flight is finished first'));
  const next = startWorkerProcess(stack.settings);
  releaseAll(stack, standing);
  await next;
  return await stopped;
}
