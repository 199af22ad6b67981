import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection, Worker } from '@temporalio/worker';
import { expect, inject, it } from 'vitest';
import { endingOf, happyActivities, order, withGenerations } from '../../support/generations.ts';
import { hangMs } from '../../support/patience.ts';
import { quietRuntime } from '../../support/quiet-runtime.ts';

/** Longer than RunComfy is asked for. */
const awayMs = 33_000;

/** A worker that takes the tasks of workflows, as one that is lost between a task and the activities that it asked for. */
async function workflowsAlone(taskQueue: string): Promise<() => Promise<void>> {
  quietRuntime();
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const patient = { connection, isolateExecutionTimeout: hangMs };
  const worker = await Worker.create({
    ...patient,
    taskQueue,
    workflowBundle: { codePath: inject('workflowBundlePath') },
    activities: happyActivities(),
    enableNonLocalActivities: false,
  });
  const done = worker.run();
  return async () => {
    worker.shutdown();
    await done;
    await connection.close();
  };
}

it('a cancel waits for a worker that asks RunComfy, however long none is there', async () => {
  await withGenerations(
    {},
    async (rig) => {
      const stop = await workflowsAlone(rig.taskQueue);
      try {
        const takeOver = { ...order, requestId: 'request-1', onCancelWhileRunning: 'detach' };
        const handle = await rig.startWithSignal('cancel', [], takeOver);
        await sleep(awayMs);
        await rig.startWorkers();
        const { type, state } = await endingOf(handle);
        expect(type).toBe('GenerationCancelled');
        expect(state).toMatchObject({ requestId: 'request-1', cancel: { outcome: 'cancelled' } });
      } finally {
        await stop();
      }
    },
    { withoutWorkers: true },
  );
});
