import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createStack } from '../support/generation-stack.ts';
import { startWorkerProcess, temporaryFolder, until } from '../support/processes.ts';
import { startOwnServer } from '../support/server.ts';
import {
  boundaries,
  boundaryRules,
  expectBilledAtMostOnce,
  expectGoodEnd,
  releaseAll,
  sendBoundaries,
  standAt,
} from './crash-boundaries.ts';

const awayMs = 30_000;

it('ends well by itself, for one bill under every policy, when Temporal is killed and away for 30 s at every boundary', async () => {
  const dbFile = path.join(await temporaryFolder(), 'temporal.db');
  const before = await startOwnServer({ dbFile });
  const { address } = before;
  const stack = await createStack({ address, simulator: { faults: boundaryRules } });
  // A second simulator and queue, for the worker that is killed while Temporal is away.
  const doomed = await createStack({ address, simulator: { faults: boundaryRules, seed: 12 } });
  const [, doomedWorker] = await Promise.all([startWorkerProcess(stack.settings), startWorkerProcess(doomed.settings)]);
  const standing = await standAt(stack, boundaries);
  const spooled = await standAt(doomed, sendBoundaries);

  await before.kill9();
  const killedAt = Date.now();
  releaseAll(stack, standing);
  releaseAll(doomed, spooled);
  await until('the replies are on the disk of the worker that dies next', async () => {
    const names = await readdir(path.join(doomedWorker.stateDir, 'accepted-requests')).catch(() => []);
    return names.filter((name) => name.endsWith('.json')).length === sendBoundaries.length;
  });
  await doomedWorker.kill9();
  await sleep(Math.max(0, killedAt + awayMs - Date.now()));
  const after = await startOwnServer({ dbFile, port: Number(address.split(':')[1]) });
  try {
    await startWorkerProcess(doomed.settings, { stateDir: doomedWorker.stateDir });
    await expectGoodEnd(stack, standing);
    await expectGoodEnd(doomed, spooled);
    expectBilledAtMostOnce(stack, standing);
    await eventually(async () => {
      expect(await readdir(path.join(doomedWorker.stateDir, 'accepted-requests'))).toEqual([]);
    });
    await stack.checkAll([...standing, ...spooled].map(({ generation }) => generation.key));
  } finally {
    await after.stop();
  }
});
