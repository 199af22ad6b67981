import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { serve, steps } from './serve.mjs';

await serve(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), shutdownSignals: [] });
  const address = process.argv[2];
  const taskQueue = `naive-${randomUUID()}`;
  const { status, result } = steps;
  // Ids whose report cannot be encoded, once.
  const unreported = new Set();
  const troubled = new Set();
  const submit = async (base, more) => {
    const id = await steps.submit(base, more);
    if (troubled.delete(base)) unreported.add(id);
    return id;
  };
  const codec = {
    async encode(payloads) {
      for (const { data } of payloads) {
        const text = Buffer.from(data ?? []).toString();
        if (unreported.delete(text.replaceAll('"', ''))) throw new Error('the report cannot be encoded');
      }
      return payloads;
    },
    decode: async (payloads) => payloads,
  };
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address }),
    taskQueue,
    workflowsPath: fileURLToPath(new URL('naive-workflow.mjs', import.meta.url)),
    activities: { submit, status, result },
    dataConverter: { payloadCodecs: [codec] },
  });
  const done = worker.run();
  const client = new Client({ connection: await Connection.connect({ address }) });
  return {
    async run({ base, setting, trouble }) {
      const workflowId = `naive-${randomUUID()}`;
      if (trouble === 'unreported') troubled.add(base);
      const retried = { workflowRunTimeout: '15 seconds', retry: { initialInterval: '1 second', maximumAttempts: 2 } };
      const more = trouble === 'retried' ? retried : {};
      return await client.workflow.execute('naiveGeneration', {
        args: [base, setting, trouble === 'huge' ? { ['k'.repeat(1024 * 1024)]: 'image' } : {}],
        taskQueue,
        workflowId,
        ...more,
      });
    },
    async stop() {
      worker.shutdown();
      await done;
    },
  };
});
