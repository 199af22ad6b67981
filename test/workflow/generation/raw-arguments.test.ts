import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { createStack } from '../../support/generation-stack.ts';
import { endingOf } from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { kling } from '../../support/simulator-client.ts';

/** What no JSON of ours would hold, byte by byte: numbers and letters that become something else where they are parsed. */
const written = [
  `{"model":"${kling}","input":{"prompt":"caf\u00e9"}}`,
  `{"model":"${kling}","input":{"prompt":"half \u00ed\u00a0\u00bd an emoji"}}`,
  `{"model":"${kling}","input":{"prompt":"x","scale":1e400}}`,
  `{"model":"${kling}","input":{"prompt":"x","multi_prompt":[{"weight":-1e999}]}}`,
];

it.each(written)('refuses what would not be sent as another program wrote it: %s', async (text) => {
  const { client, simulator, checkAll } = await createStack();
  const workers = await inProcessWorkers(client, simulator.modelApiBase);
  await workers.start();
  const key = `raw ${randomUUID()}`;
  await client.connection.workflowService.startWorkflowExecution({
    namespace: client.options.namespace,
    workflowId: key,
    workflowType: { name: 'runcomfyGeneration' },
    taskQueue: { name: workers.taskQueue },
    requestId: randomUUID(),
    input: { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(text, 'latin1') }] },
  });
  const { type, details } = await endingOf(client.workflow.getHandle(key) as never);
  expect([type, details?.submission]).toEqual(['InvalidInput', 'not_sent']);
  expect(simulator.ledger().totals.accepted).toBe(0);
  await checkAll([key]);
});
