import { expect, it } from 'vitest';
import { createStack } from '../support/generation-stack.ts';
import { startWorkerProcess } from '../support/processes.ts';
import {
  boundaries,
  boundaryRules,
  expectBilledAtMostOnce,
  expectGoodEnd,
  releaseStuck,
  sendBoundaries,
  standAt,
} from './crash-boundaries.ts';

it.concurrent(
  'ends well by itself, for one bill, when the worker is stopped in good order at every boundary',
  async () => {
    const stack = await createStack({ simulator: { faults: boundaryRules } });
    const worker = await startWorkerProcess(stack.settings);
    const standing = await standAt(stack, boundaries);
    const [exitCode] = await Promise.all([worker.stop(), startWorkerProcess(stack.settings)]);
    expect(exitCode).toBe(0);
    releaseStuck(stack, standing);

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
    const [exitCode] = await Promise.all([worker.stop('SIGHUP'), startWorkerProcess(stack.settings)]);
    expect(exitCode).toBe(0);

    await expectGoodEnd(stack, standing);
    expectBilledAtMostOnce(stack, standing);
    await stack.checkAll(standing.map(({ generation }) => generation.key));
  },
);
