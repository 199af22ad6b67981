// A catalogue: for every product of products.csv the pipeline of product.yaml, as one batch under one limit of money.
//
//   npx tsx examples/11-catalogue/main.ts [KEY]
//
// The same by the command line, for a file of any length:
//
//   runcomfy-temporal batch run examples/11-catalogue/products.csv --plan examples/11-catalogue/product.yaml \
//     --key catalogue-1 --max-cost 20 --results catalogue-1.jsonl
//
// Needs Temporal and a worker, as example 01 says. Run again with the same key it attaches, and orders nothing.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { parse as parseCsv } from 'csv-parse/sync';
import { parse as parseYaml } from 'yaml';
import { createGenerationClient, isGenerationError } from '../../client/index.ts';

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const plan = parseYaml(read('product.yaml')) as object;
const products = parseCsv<Record<string, string>>(read('products.csv'), { columns: true });
const items = products.map(({ id = '', ...cells }) => ({
  id,
  params: {
    name: cells['param.name'],
    look: cells['param.look'],
    ...(cells['param.seconds'] && { seconds: Number(cells['param.seconds']) }),
  },
}));

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const { batches } = createGenerationClient({ client: new Client({ connection, namespace }) });

try {
  const [, , key = `catalogue-${randomUUID()}`] = process.argv;
  const batch = await batches.start({ plan, items, window: 2, maxCostUsd: 20 }, { key });
  console.log(`key ${batch.key}`);
  for await (const { id, status, outputs, error } of batch.results({ follow: true })) {
    const clip = outputs?.['clip'];
    console.log(`${id} ${status} ${typeof clip === 'string' ? clip : (error?.message ?? '')}`);
  }
  const { phase, counts, money } = await batch.result();
  console.log(`${phase}: ${String(counts.succeeded)} of ${String(counts.total)} for $${String(money.spentUsd)}`);
} catch (error) {
  if (!isGenerationError(error)) throw error;
  console.error(`${error.type}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await connection.close();
}
