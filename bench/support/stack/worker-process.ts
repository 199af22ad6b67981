// A worker in a process of its own, so that its cost can be separated from that of the measurement.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import pino from 'pino';
import { withoutUndefined } from '../../../domain/json.ts';
import { createRunComfyClient } from '../../../runcomfy/client.ts';
import { createGenerationWorker } from '../../../worker/index.ts';
import { callSimulator } from '../subjects/call-simulator.ts';
import { quietTemporal } from './quiet-temporal.ts';
import { createTwoGears } from './two-gears.ts';
import type { WorkerArguments } from './worker-handle.ts';

const args = JSON.parse(process.argv[2] ?? '{}') as WorkerArguments;
quietTemporal();
const connection = await NativeConnection.connect({ address: args.address });
const worker = args.kind === 'ours' ? await createOurs(args) : await createPlain(args);
process.on('message', (message) => {
  if (message === 'stop') worker.shutdown();
  else process.send?.({ rss: process.memoryUsage.rss(), cpu: process.cpuUsage() });
});
process.once('disconnect', () => process.exit(1));
const done = worker.run();
process.send?.('ready');
await done;
process.exit(0);

async function createOurs({
  modelApiBase = '',
  stateDir = mkdtempSync(path.join(tmpdir(), 'bench-state-')),
  taskQueue,
  bundlePath,
  readsPerSecond,
  submitsPerSecond,
  waiting,
}: WorkerArguments) {
  return await createGenerationWorker({
    connection,
    client: new Client({ connection }),
    namespace: 'default',
    runcomfy: createRunComfyClient({ modelApiBase, token: () => 'sim-bench' }),
    stateDir,
    log: pino({ level: 'error' }, pino.destination(2)),
    taskQueue,
    workflowBundle: { codePath: bundlePath },
    ...withoutUndefined({ readsPerSecond, submitsPerSecond, waiting: waiting && createTwoGears(waiting) }),
  });
}

/** Uses the settings of the product's worker where possible. */
async function createPlain({ taskQueue, bundlePath }: WorkerArguments) {
  return await Worker.create({
    connection,
    taskQueue,
    workflowBundle: { codePath: bundlePath },
    activities: {
      submit: callSimulator.submit,
      status: callSimulator.status,
      result: callSimulator.result,
      nothing: () => Promise.resolve(),
    },
    maxConcurrentActivityTaskExecutions: 200,
    activityTaskPollerBehavior: { type: 'autoscaling' },
    workflowTaskPollerBehavior: { type: 'autoscaling' },
  });
}
