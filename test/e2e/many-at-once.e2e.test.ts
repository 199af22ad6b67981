import { expect, it } from 'vitest';
import { createStack, orderNamed } from '../support/generation-stack.ts';
import { startWorkerProcess } from '../support/processes.ts';

it('brings fifty generations at once through one worker to a good end, with fifty jobs in the ledger', async () => {
  const { generations, simulator, settings, checkAll } = await createStack();
  await startWorkerProcess(settings);
  const names = Array.from({ length: 50 }, (_, index) => `clip ${String(index)}`);

  const started = await Promise.all(names.map((name) => generations.start(orderNamed(name))));
  const results = await Promise.all(started.map((generation) => generation.result()));

  const { jobs, totals } = simulator.ledger();
  expect(totals).toMatchObject({ submits: 50, accepted: 50, charged: 50 });
  expect(jobs.map(({ input }) => String(input['prompt'])).toSorted()).toEqual(names.toSorted());
  expect(new Set(results.map(({ requestId }) => requestId))).toEqual(new Set(jobs.map(({ id }) => id)));
  for (const { requestId, output, reads } of results) {
    const job = jobs.find(({ id }) => id === requestId);
    expect(output.videos).toHaveLength(1);
    expect(reads).toBe((job?.statusCalls ?? 0) + (job?.resultCalls ?? 0));
  }
  await checkAll(started.slice(0, 5).map(({ key }) => key));
});
