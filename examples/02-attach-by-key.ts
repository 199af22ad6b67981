// Attach by key: orders the same under the same key as example 01 did, from another process. Nothing is sent a second
// time, whether the generation still runs or has ended; the same key with another model or input is refused.
//
//   npx tsx examples/01-one-generation.ts order-4711 &
//   npx tsx examples/02-attach-by-key.ts order-4711
//
// What it needs is said in example 01.
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { createGenerationClient, isGenerationError } from '../client/index.ts';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const generations = createGenerationClient({ client: new Client({ connection, namespace }) });

try {
  const [, , key = 'order-4711'] = process.argv;
  const generation = await generations.start(
    {
      model: 'blackforestlabs/flux-2-klein/4b/text-to-image',
      input: { prompt: 'A lighthouse at dusk, oil on canvas' },
      deadlineMs: 30 * 60_000,
    },
    { key },
  );
  console.log(generation.attached ? `attached to ${key}` : `started ${key}`);
  for (const notice of generation.notices) console.log(`note: ${notice}`);

  const { phase, requestId } = await generation.state();
  console.log(`${phase}, request ${requestId ?? 'not known yet'}`);
  const { output } = await generation.result();
  console.log(output.images.join(' '));
} catch (error) {
  if (!isGenerationError(error)) throw error;
  console.error(`${error.type}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await connection.close();
}
