// Generations for workflows of another namespace, by Nexus. The worker of generations runs with RUNCOMFY_NEXUS=on, as in
// `RUNCOMFY_NEXUS=on npm start -- --keep`. Callers have a namespace of their own, and an endpoint leads to the worker:
//
//   temporal operator namespace create posters
//   temporal operator nexus endpoint create --name runcomfy --target-namespace default --target-task-queue runcomfy
//
// This program is the worker of the callers (task queue `posters`) and orders one poster:
//
//   TEMPORAL_NAMESPACE=posters npx tsx examples/08-another-namespace/main.ts [KEY [ENDPOINT]]
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { poster } from './workflows.ts';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const [, , key = `poster-${randomUUID()}`, endpoint = 'runcomfy'] = process.argv;
const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const native = await NativeConnection.connect({ ...connectionOptions });
const connection = await Connection.connect(connectionOptions);
const { workflow } = new Client({ connection, namespace });
const worker = await Worker.create({
  connection: native,
  namespace,
  taskQueue: 'posters',
  workflowsPath: fileURLToPath(new URL('./workflows.ts', import.meta.url)),
});

try {
  const order = { endpoint, key, prompt: 'A lighthouse at dusk, oil on canvas' };
  const url = await worker.runUntil(
    workflow.execute<typeof poster>('poster', { workflowId: randomUUID(), taskQueue: 'posters', args: [order] }),
  );
  console.log(`poster ${url}`);
} finally {
  await connection.close();
  await native.close();
}
