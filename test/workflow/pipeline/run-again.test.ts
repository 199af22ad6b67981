import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import { pipelineStack, stillAndClip } from '../../support/pipelines.ts';

/** A client whose starts reach Temporal only once something has been done. */
function startingAfter(client: Client, first: () => Promise<unknown>): Client {
  const { connection } = client.workflow;
  const { workflowService } = connection;
  const startWorkflowExecution = async (asked: Parameters<typeof workflowService.startWorkflowExecution>[0]) => {
    await first();
    return workflowService.startWorkflowExecution(asked);
  };
  const having = <Of extends object>(of: Of, more: object) =>
    Object.create(of, Object.getOwnPropertyDescriptors(more)) as Of;
  const slow = having(connection, { workflowService: having(workflowService, { startWorkflowExecution }) });
  return having(client, { workflow: having(client.workflow, { connection: slow }) });
}

it('two calls that follow one run start one, though that has ended before Temporal hears of the second', async () => {
  const { client, pipelines, workers, key: newKey } = await pipelineStack();
  const key = newKey();
  const plan = stillAndClip(key);
  const first = await pipelines.start({ plan }, { key });
  await first.result();
  const options = { key, rerunOf: first.runId };
  const followed = async () => {
    const second = await pipelines.start({ plan }, options);
    await second.result();
    return second.runId;
  };
  let runId: string | undefined;
  const late = startingAfter(client, async () => (runId = await followed()));
  const again = await createGenerationClient({ client: late, taskQueue: workers.taskQueue }).pipelines.start(
    { plan },
    options,
  );
  expect(again.runId).toBe(runId);
  expect(await pipelines.get(key)).toMatchObject({ runId });
});
