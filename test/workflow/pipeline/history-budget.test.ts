import { expect, it } from 'vitest';
import { withoutLostTasks } from '../../support/lost-tasks.ts';
import { checkPipeline, pipelineStack } from '../../support/pipelines.ts';
import { flux } from '../../support/simulator-client.ts';

const still = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });

it('three steps leave at most 60 events, and a fan-out of 200 at most 1,000', async () => {
  const { client, pipelines, key: newKey, simulator } = await pipelineStack();
  const key = newKey();
  const numbers = Array.from({ length: 200 }, (_, at) => at);
  const three = {
    version: 1,
    steps: { a: still(`${key} a`), b: still(`${key} b`, { needs: ['a'] }), c: still(`${key} c`, { needs: ['b'] }) },
  };
  const many = { version: 1, steps: { many: still(`${key} \${{ item }}`, { forEach: numbers }) } };
  const few = { version: 1, steps: { few: still(`${key} few \${{ item }}`, { forEach: numbers.slice(0, 12) }) } };
  // By itself: a step that two hundred orders keep waiting is prepared by an activity of its own, which is more events.
  const short = await pipelines.start({ plan: three }, { key });
  await short.result();
  const [wide, narrow] = await Promise.all([
    pipelines.start({ plan: many }, { key: `${key}-many` }),
    pipelines.start({ plan: few, maxParallel: 4 }, { key: `${key}-few` }),
  ]);
  await Promise.all([wide.result(), narrow.result()]);
  expect(simulator.ledger().jobs).toHaveLength(215);
  const eventsOf = async (workflowId: string) => {
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
    return withoutLostTasks(events ?? []).length;
  };
  expect(await eventsOf(key)).toBeGreaterThan(0);
  expect(await eventsOf(key)).toBeLessThanOrEqual(60);
  expect(await eventsOf(`${key}-many`)).toBeLessThanOrEqual(1_000);
  await checkPipeline(client, short, 'three-steps-steady');
  await checkPipeline(client, wide);
  await checkPipeline(client, narrow, 'fan-out-that-breathes-steady');
});
