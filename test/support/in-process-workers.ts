import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import pino from 'pino';
import { inject } from 'vitest';
import { createRunComfyClient } from '../../runcomfy/client.ts';
import { createGenerationWorker, type GenerationWorker, type GenerationWorkerOptions } from '../../worker/index.ts';
import { onTestFinished } from './test-end.ts';
import { untilPolled } from './until-polled.ts';

/** Workers in this process, on a queue of their own and with shared settings; they stop at the end of the test. */
export async function inProcessWorkers(
  client: Client,
  modelApiBase: string,
  options: Partial<GenerationWorkerOptions> = {},
  address = inject('temporalAddress'),
) {
  const taskQueue = `in-process-${randomUUID()}`;
  const runcomfy = createRunComfyClient({ modelApiBase, token: () => 'sim-in-process' });
  const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-in-process-'));
  const connection = await NativeConnection.connect({ address });
  const running: { worker: GenerationWorker; done: Promise<void> }[] = [];
  const stop = async () => {
    for (const { worker } of running) worker.shutdown();
    await Promise.all(running.splice(0).map(({ done }) => done));
  };
  onTestFinished(async () => {
    await stop();
    await connection.close();
    await runcomfy.close();
    await rm(stateDir, { recursive: true, force: true });
  });
  return {
    taskQueue,
    stop,
    /** Starts another worker, optionally with settings of its own. */
    async start(own: Partial<GenerationWorkerOptions> = {}) {
      const worker = await createGenerationWorker({
        connection,
        client,
        namespace: 'default',
        runcomfy,
        stateDir,
        log: pino({ level: 'silent' }),
        taskQueue,
        workflowBundle: { codePath: inject('workflowBundlePath') },
        ...options,
        ...own,
      });
      running.push({ worker, done: worker.run() });
      await untilPolled(client, own.taskQueue ?? taskQueue);
    },
  };
}
