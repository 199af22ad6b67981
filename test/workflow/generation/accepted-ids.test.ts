import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import { generationWorkflowType, lateKey } from '../../../domain/names.ts';
import { identifyNamespace } from '../../../worker/history/locate-chain.ts';
import { createHandOver } from '../../../worker/spool/hand-over.ts';
import { openRequestSpool } from '../../../worker/spool/request-spool.ts';
import { openSubmitJournal } from '../../../worker/spool/submit-journal.ts';
import { eventually } from '../../support/eventually.ts';
import { connectClient, startQuickSimulator } from '../../support/generation-stack.ts';
import { historiesOf } from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { quietRuntime } from '../../support/quiet-runtime.ts';
import { kling, klingInput } from '../../support/simulator-client.ts';

describe.concurrent('a generation that is reset to before its submit', () => {
  it('takes its request over instead of ordering again', async () => {
    quietRuntime();
    const [client, simulator] = await Promise.all([connectClient(), startQuickSimulator()]);
    const workers = await inProcessWorkers(client, simulator.modelApiBase);
    await workers.start();
    const generations = createGenerationClient({ client, taskQueue: workers.taskQueue });
    const handle = await generations.start({ model: kling, input: klingInput });
    const { requestId } = await handle.result();

    const { namespace } = client.options;
    const [before] = await historiesOf(client, handle.key);
    const firstTask = before?.events?.find(({ workflowTaskCompletedEventAttributes: completed }) => completed);
    const { runId } = await client.workflowService.resetWorkflowExecution({
      namespace,
      workflowExecution: { workflowId: handle.key, runId: handle.runId },
      reason: 'test',
      requestId: randomUUID(),
      ...(firstTask?.eventId && { workflowTaskFinishEventId: firstTask.eventId }),
    });
    expect(runId).not.toBe(handle.runId);
    expect(await client.workflow.result(handle.key, runId)).toMatchObject({ requestId });
    expect(simulator.ledger().totals.accepted).toBe(1);
  });
});

/** A hand-over with a spool of its own, on Temporal itself; nobody works on the generations. */
async function handOverOn(client: Client) {
  const folder = await temporaryFolder();
  const spool = openRequestSpool(folder);
  const log = pino({ level: 'silent' });
  const handOver = createHandOver({ client, spool, journal: openSubmitJournal(folder), log });
  const start = async (workflowId: string, argument: object = {}) =>
    client.workflow.start(generationWorkflowType, {
      workflowId,
      taskQueue: `nobody-${workflowId}`,
      args: [{ model: kling, input: klingInput, ...argument }],
    });
  const put = async (workflowId: string, firstExecutionRunId: string, more: object = {}) => {
    const acceptedAt = new Date().toISOString();
    await spool.put({ workflowId, firstExecutionRunId, requestId: `id-of-${workflowId}`, acceptedAt, ...more });
  };
  /** What Temporal did not answer in time is handed over again, a few seconds later. */
  const drainTo = async (left: string[]) => {
    await handOver.drain();
    await eventually(async () => {
      expect((await spool.list()).map(({ workflowId }) => workflowId)).toEqual(left);
    });
    await handOver.stop();
  };
  return { start, put, drainTo };
}

async function signalsOf(client: Client, workflowId: string): Promise<string[]> {
  const histories = await historiesOf(client, workflowId);
  return histories
    .flatMap(({ events }) => events ?? [])
    .flatMap(({ workflowExecutionSignaledEventAttributes: signaled }) => signaled?.signalName ?? []);
}

describe.concurrent('a request id in the spool', () => {
  it('goes to its own generation and is forgotten', async () => {
    const client = await connectClient();
    const { start, put, drainTo } = await handOverOn(client);
    const key = randomUUID();
    const { firstExecutionRunId } = await start(key);
    await put(key, firstExecutionRunId, await identifyNamespace(client));
    await drainTo([]);
    expect(await signalsOf(client, key)).toEqual(['requestAccepted']);
    await client.workflow.getHandle(key).terminate();
  });

  it('is offered to no later generation under the same key, and kept', async () => {
    const client = await connectClient();
    const { start, put, drainTo } = await handOverOn(client);
    const key = randomUUID();
    const first = await start(key);
    await first.terminate();
    await start(key);
    await put(key, first.firstExecutionRunId);
    await drainTo([key]);
    expect(await signalsOf(client, key)).toEqual([]);
    await client.workflow.getHandle(key).terminate();
  });

  it('is offered to no generation of that name in another namespace', async () => {
    const client = await connectClient();
    const there = new Client({ connection: client.connection, namespace: 'temporal-system' });
    const { start, put, drainTo } = await handOverOn(client);
    const key = randomUUID();
    const { firstExecutionRunId } = await start(key);
    await put(key, firstExecutionRunId, await identifyNamespace(there));
    await drainTo([key]);
    expect(await signalsOf(client, key)).toEqual([]);
    await client.workflow.getHandle(key).terminate();
  });

  it('is forgotten once its generation has ended and knows it, by whichever way', async () => {
    const client = await connectClient();
    const { start, put, drainTo } = await handOverOn(client);
    const [told, late, untold] = [randomUUID(), randomUUID(), randomUUID()];
    for (const key of [told, late, untold]) {
      const handle = await start(key);
      await put(key, handle.firstExecutionRunId);
      if (key === told) await handle.signal('requestAccepted', { requestId: `id-of-${key}` });
      await handle.terminate();
    }
    const collector = await start(lateKey(late), { requestId: `id-of-${late}` });
    await drainTo([untold]);
    await collector.terminate();
  });
});
