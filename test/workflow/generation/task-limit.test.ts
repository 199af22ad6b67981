import { Worker } from '@temporalio/worker';
import { expect, it, vi } from 'vitest';
import { createStack } from '../../support/generation-stack.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';

it('gives a workflow task minutes: Node ends a process whose script runs out of time among its promises', async () => {
  const create = vi.spyOn(Worker, 'create');
  const stack = await createStack();
  const workers = await inProcessWorkers(stack.client, stack.simulator.modelApiBase);
  await workers.start();
  const created = await Promise.all(create.mock.results.map(({ value }) => value as Promise<Worker>));
  const limits = created.map(({ options }) => options.isolateExecutionTimeoutMs);
  expect(limits.length).toBeGreaterThan(0);
  expect(Math.min(...limits)).toBeGreaterThanOrEqual(60_000);
});
