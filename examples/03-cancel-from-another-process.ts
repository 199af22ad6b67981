// Cancel by signal, from a process that knows nothing but the key and the documented names: @temporalio/client alone, as
// any service would do it. The signal is taken at any time, even while no worker runs; what became of it stands in the
// failure's details and in query `state`.
//
//   npx tsx examples/01-one-generation.ts order-4711 &
//   npx tsx examples/03-cancel-from-another-process.ts order-4711 'wrong scene'
//
// What it needs is said in example 01.
import { ApplicationFailure, Client, Connection, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection, namespace });

const [, , key = 'order-4711', reason = 'no longer needed'] = process.argv;
const generation = client.workflow.getHandle(key);
try {
  await generation.signal('cancel', { reason });
  await generation.result();
  // RunComfy stops work that waits in its queue; work that runs goes on, and by default its result is delivered.
  console.log('ended as succeeded');
} catch (error) {
  console.log(endOf(error));
}
// Queries work on ended generations, too.
const { phase, cancel } = await generation.query<{ phase: string; cancel?: { outcome?: string } }>('state');
console.log(`phase ${phase}, outcome ${cancel?.outcome ?? 'none'}`);
await connection.close();

function endOf(error: unknown): string {
  if (error instanceof WorkflowNotFoundError) return `too late: ${key} is not running any more`;
  if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
  return `ended as ${String(error.cause.type)}: ${error.cause.message}`;
}
