// npm test: against a simulated RunComfy, whose ledger says what was billed. Needs a Temporal server in TEMPORAL_ADDRESS,
// such as `temporal server start-dev`, and on it a namespace that no other generation worker serves, for that would take
// some of the orders. Beside `npx runcomfy-temporal dev`:
// `temporal operator namespace create posters && TEMPORAL_NAMESPACE=posters npm test`.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { type Simulator, startSimulator } from 'runcomfy-temporal/simulator';
import { startWorkers } from './workers.js';
import type { poster } from './workflows.js';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const token = 'sim-posters';
let simulator: Simulator;
let connection: Connection;
let stateDir: string;
let stop: () => Promise<void>;

before(async () => {
  simulator = await startSimulator({ scenario: 'quick' });
  connection = await Connection.connect(connectionOptions);
  stateDir = await mkdtemp(join(tmpdir(), 'posters-'));
  stop = await startWorkers({ connectionOptions, namespace, token, modelApiBase: simulator.modelApiBase, stateDir });
});

after(async () => {
  await stop();
  await connection.close();
  await simulator.close();
  await rm(stateDir, { recursive: true, force: true });
});

beforeEach(() => {
  simulator.reset();
});

function makePoster(topic: string): Promise<string> {
  return new Client({ connection, namespace }).workflow.execute<typeof poster>('poster', {
    workflowId: `poster-${randomUUID()}`,
    taskQueue: 'posters',
    args: [topic],
  });
}

test('a poster is made and billed once', async () => {
  const url = await makePoster('a lighthouse');
  assert.ok(url.startsWith(simulator.url), url);
  const { totals } = simulator.ledger();
  assert.deepEqual([totals.accepted, totals.charged], [1, 1]);
});

test('a refused order is a failure that says why, and costs nothing', async () => {
  simulator.setFaults([{ fault: 'model-removed', step: 'submit' }]);
  await assert.rejects(makePoster('a storm'), (error: unknown) => {
    assert.ok(error instanceof WorkflowFailedError);
    // The workflow's failure, its child's, and the reason.
    assert.equal((error.cause?.cause as { type?: string }).type, 'InvalidInput');
    return true;
  });
  assert.equal(simulator.ledger().totals.charged, 0);
});
