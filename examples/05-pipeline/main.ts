// A production pipeline in a workflow of your own: an image, then a Kling clip from it. This program is both your worker
// (task queue `film-pipeline`, a workflow bundle of its own) and the client that orders one clip. Ctrl-C cancels the
// pipeline and says what RunComfy made of it.
//
//   npx tsx examples/05-pipeline/main.ts [KEY [MOTION]]
//
// Needs Temporal and a generation worker, as example 01 says.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { CancelledFailure, Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { type illustratedClip, stepsQuery } from './workflows.ts';

// Ctrl-C belongs to the pipeline; the worker must live on to see its end.
Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const native = await NativeConnection.connect({ ...connectionOptions });
const connection = await Connection.connect(connectionOptions);
const { workflow } = new Client({ connection, namespace });
const worker = await Worker.create({
  connection: native,
  namespace,
  taskQueue: 'film-pipeline',
  workflowsPath: fileURLToPath(new URL('./workflows.ts', import.meta.url)),
});

try {
  await worker.runUntil(orderClip);
} finally {
  await connection.close();
  await native.close();
}

async function orderClip(): Promise<void> {
  const [, , key = `clip-${randomUUID()}`, motion = 'The beam sweeps over a calm sea'] = process.argv;
  const pipeline = await workflow.start<typeof illustratedClip>('illustratedClip', {
    workflowId: key,
    taskQueue: 'film-pipeline',
    // Run again after its end it orders nothing that it has ordered before.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: [{ scene: 'A lighthouse on a cliff at golden hour', motion }],
  });
  console.log(`pipeline ${key}`);
  process.once('SIGINT', () => {
    console.log('cancelling …');
    void pipeline.cancel();
  });
  try {
    console.log(`clip ${await pipeline.result()}`);
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const isCancelled = error.cause instanceof CancelledFailure;
    console.log(isCancelled ? 'pipeline cancelled' : `pipeline failed: ${rootCause(error)}`);
    process.exitCode = 1;
  }
  for (const { name, became, requestId } of await pipeline.query(stepsQuery)) {
    console.log(`${name}: ${became}${requestId === undefined ? '' : ` (request ${requestId})`}`);
  }
}

function rootCause(error: Error): string {
  return error.cause instanceof Error ? rootCause(error.cause) : error.message;
}
