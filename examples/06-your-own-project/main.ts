// npm start "a lighthouse": one poster from RunComfy, by the token in RUNCOMFY_API_TOKEN.
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { startWorkers } from './workers.js';
import type { poster } from './workflows.js';

const { TEMPORAL_ADDRESS: address = 'localhost:7233', RUNCOMFY_API_TOKEN: token = '' } = process.env;
const namespace = 'default';
const stop = await startWorkers({ address, namespace, token, stateDir: join(homedir(), '.local/state/posters') });
const connection = await Connection.connect({ address });
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
