// npm start "a lighthouse": one poster from RunComfy, by the token in RUNCOMFY_API_TOKEN, on the Temporal that
// TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and their like name.
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { startWorkers } from './workers.js';
import type { poster } from './workflows.js';

const { RUNCOMFY_API_TOKEN: token = '' } = process.env;
const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const stateDir = join(homedir(), '.local/state/posters');
const stop = await startWorkers({ connectionOptions, namespace, token, stateDir });
const connection = await Connection.connect(connectionOptions);
try {
  const url = await new Client({ connection, namespace }).workflow.execute<typeof poster>('poster', {
    workflowId: `poster-${randomUUID()}`,
    taskQueue: 'posters',
    args: [process.argv[2] ?? 'a lighthouse'],
  });
  console.log(url);
} finally {
  await connection.close();
  await stop();
}
