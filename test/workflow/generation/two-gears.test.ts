import { expect, it } from 'vitest';
import { createActivities } from '../../../activities/index.ts';
import { createOpenAttempts } from '../../../activities/reading/open-attempts.ts';
import type { WaitingKnowledge } from '../../../activities/waiting/knowledge.ts';
import { searchAttributeNames } from '../../../domain/names.ts';
import { createRunComfyClient } from '../../../runcomfy/client.ts';
import { plainActivityDeps } from '../../support/activity-deps.ts';
import { startQuickSimulator } from '../../support/generation-stack.ts';
import { endingOf, historiesOf, order, withGenerations } from '../../support/generations.ts';
import { countLostTasks, withoutLostTasks } from '../../support/lost-tasks.ts';
import { klingInput } from '../../support/simulator-client.ts';
import { onTestFinished } from '../../support/test-end.ts';

const longMs = 11_000;
const closeMs = 400;
const closeReads = 100;
/** It begins, runs out of time, and is put out anew. */
const transitionsPerLostTask = 3;

/** One long wait in the queue, one long wait while it runs, then a hundred reads within a minute. */
const twoGears: WaitingKnowledge = {
  learn: () => undefined,
  knowsWell: () => false,
  learnQueueMove: () => undefined,
  likelyEndInMs: () => 0,
  expectedEndInMs: () => undefined,
  nextReadInMs: ({ running }) => (running === undefined || running >= longMs / 1_000 ? closeMs : longMs),
};

it('waits long on timers and reads closely in one activity: a hundred reads in a minute stay below 45 events', async () => {
  // Its work ends with the last of the reads: by the clock, a busy machine would make fewer of them.
  const simulator = await startQuickSimulator({ profiles: { '*': { queueReads: 0, runReads: 1 + closeReads } } });
  const runcomfy = createRunComfyClient({ modelApiBase: simulator.modelApiBase, token: () => 'sim-two-gears' });
  onTestFinished(() => runcomfy.close());
  const { readStatus, fetchResult } = createActivities({
    ...plainActivityDeps(runcomfy),
    openAttempts: createOpenAttempts(10),
    waiting: twoGears,
    searchAttributes: () => searchAttributeNames,
  });
  const submitRequest = async () => {
    const { requestId, receivedAt: submittedAt } = await runcomfy.submit(order.model, klingInput);
    const workKey = order.model;
    return { requestId, submittedAt, nextReadInMs: longMs, searchAttributes: searchAttributeNames, workKey };
  };
  await withGenerations({ submitRequest, readStatus, fetchResult }, async ({ client, start }) => {
    const handle = await start();
    const { result } = await endingOf(handle);

    const [job] = simulator.ledger().jobs;
    expect(result?.reads).toBe((job?.statusCalls ?? 0) + (job?.resultCalls ?? 0));
    expect(result?.reads).toBeGreaterThan(0.85 * closeReads);
    const [history] = await historiesOf(client, handle.workflowId);
    const events = history?.events ?? [];
    expect(events).not.toEqual([]);
    expect(withoutLostTasks(events).length).toBeLessThanOrEqual(45);
    const { raw } = await handle.describe();
    const transitions = Number(raw.workflowExecutionInfo?.stateTransitionCount);
    expect(transitions - transitionsPerLostTask * countLostTasks(events)).toBeLessThanOrEqual(30);
  });
});
