// One generation: orders an image, follows it and prints its URL.
//
//   npx tsx examples/01-one-generation.ts [KEY]
//
// Needs Temporal and a worker. `npm start -- --keep` starts both, with a simulated RunComfy, and prints the variables to
// export (TEMPORAL_ADDRESS and its like are read by @temporalio/envconfig). In a project of your own, import from
// 'runcomfy-temporal' instead of '../client/index.ts'.
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { createGenerationClient, isGenerationError } from '../client/index.ts';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const generations = createGenerationClient({ client: new Client({ connection, namespace }) });

try {
  const [, , key] = process.argv;
  const generation = await generations.start(
    {
      model: 'blackforestlabs/flux-2-klein/4b/text-to-image',
      input: { prompt: 'A lighthouse at dusk, oil on canvas' },
      deadlineMs: 30 * 60_000,
    },
    // A key of your own (an order number) makes the call safe to repeat; without one it is generation-<uuid>.
    { key },
  );
  console.log(`key ${generation.key}`);
  for await (const { phase, queuePosition } of generation.watch({ intervalMs: 500 })) {
    console.log(queuePosition === undefined ? phase : `${phase}, position ${String(queuePosition)}`);
  }
  const { output, costUsd, reads } = await generation.result();
  console.log(`${output.images.join(' ')} for $${String(costUsd ?? '?')} after ${String(reads)} reads`);
} catch (error) {
  if (!isGenerationError(error)) throw error;
  console.error(`${error.type}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await connection.close();
}
