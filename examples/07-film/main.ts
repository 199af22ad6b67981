// The plan of film.yaml from TypeScript: runs it, shows every step, decides which still becomes the clip.
//
//   npx tsx examples/07-film/main.ts [KEY [CHOICE]]
//
// Needs Temporal and a worker, as example 01 says. Run again with the same key it attaches, and orders nothing.
import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { parse } from 'yaml';
import { createGenerationClient, isGenerationError } from '../../client/index.ts';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const { pipelines } = createGenerationClient({ client: new Client({ connection, namespace }) });
const plan = parse(readFileSync(new URL('./film.yaml', import.meta.url), 'utf8')) as object;

try {
  const [, , key, choice = '0'] = process.argv;
  const film = await pipelines.start({ plan, params: { scene: 'A lighthouse on a cliff' } }, { key });
  console.log(`key ${film.key}`);
  for await (const { steps } of film.watch({ intervalMs: 500 })) {
    console.log(steps.map(({ id, phase }) => `${id} ${phase}`).join(', '));
    const pick = steps.find(({ phase }) => phase === 'awaiting_decision');
    // Deciding the same again gets the same answer, so it does no harm that the next state may still show the question.
    if (pick) await film.decide({ step: pick.id, decision: 'approve', choose: Number(choice), by: 'example 07' });
  }
  const { outputs, costUsd } = await film.result();
  for (const [name, url] of Object.entries(outputs)) console.log(`${name} ${String(url)}`);
  console.log(`for $${String(costUsd)}`);
} catch (error) {
  if (!isGenerationError(error)) throw error;
  console.error(`${error.type}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await connection.close();
}
