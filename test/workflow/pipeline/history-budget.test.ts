import { expect, it } from 'vitest';
import { checkPipeline, pipelineStack } from '../../support/pipelines.ts';
import { flux } from '../../support/simulator-client.ts';

const still = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });

/** The memo is written anew every 20 s: how often is a matter of the machine's pace. */
const isCounted = (event: { workflowPropertiesModifiedEventAttributes?: unknown }) =>
  !event.workflowPropertiesModifiedEventAttributes;

it('three steps leave at most 60 events, and a fan-out of 200 at most 8 an item at whatever pace', async () => {
  const { client, pipelines, key: newKey, simulator } = await pipelineStack();
  const key = newKey();
  const numbers = Array.from({ length: 200 }, (_, at) => at);
  const three = {
    version: 1,
    steps: { a: still(`${key} a`), b: still(`${key} b`, { needs: ['a'] }), c: still(`${key} c`, { needs: ['b'] }) },
  };
  const many = { version: 1, steps: { many: still(`${key} \${{ item }}`, { forEach: numbers }) } };
  const [short, wide] = await Promise.all([
    pipelines.start({ plan: three }, { key }),
    pipelines.start({ plan: many }, { key: `${key}-many` }),
  ]);
  await Promise.all([short.result(), wide.result()]);
  expect(simulator.ledger().jobs).toHaveLength(203);
  const eventsOf = async (workflowId: string) =>
    (await client.workflow.getHandle(workflowId).fetchHistory()).events?.filter(isCounted).length ?? 0;
  expect(await eventsOf(key)).toBeLessThanOrEqual(59);
  expect(await eventsOf(`${key}-many`)).toBeLessThanOrEqual(1_600);
  await checkPipeline(client, short, 'three-steps');
  await checkPipeline(client, wide, 'fan-out-of-200');
});
