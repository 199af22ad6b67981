import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { serve, steps } from './serve.mjs';

await serve(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
  const address = process.argv[2];
  const taskQueue = `naive-${randomUUID()}`;
  const { submit, status, result } = steps;
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address }),
    taskQueue,
    workflowsPath: fileURLToPath(new URL('naive-workflow.mjs', import.meta.url)),
    activities: { submit, status, result },
  });
  const done = worker.run();
  const client = new Client({ connection: await Connection.connect({ address }) });
  return {
    async run({ base, setting }) {
      const workflowId = `naive-${randomUUID()}`;
      return await client.workflow.execute('naiveGeneration', { args: [base, setting], taskQueue, workflowId });
    },
    async stop() {
      worker.shutdown();
      await done;
    },
  };
});
