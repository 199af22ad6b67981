import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { generationWorkflowType } from '../../../domain/names.ts';
import { checkNewerRuns } from '../../../worker/history/newer-runs.ts';
import { createHandOver } from '../../../worker/spool/hand-over.ts';
import { openRequestSpool } from '../../../worker/spool/request-spool.ts';
import { openSubmitJournal } from '../../../worker/spool/submit-journal.ts';
import { eventually } from '../../support/eventually.ts';
import { connectClient } from '../../support/generation-stack.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { kling, klingInput } from '../../support/simulator-client.ts';

/** Starts runs with a memo, and looks at them with a client that can decode nothing. */
async function runsWithMemos() {
  const client = await connectClient();
  const lacksKeys = {
    encode: <T>(payloads: T) => Promise.resolve(payloads),
    decode: () => Promise.reject(new Error('the key is not here')),
  };
  const blind = new Client({ connection: client.connection, dataConverter: { payloadCodecs: [lacksKeys] } });
  const key = randomUUID();
  const start = () =>
    client.workflow.start(generationWorkflowType, {
      workflowId: key,
      taskQueue: `nobody-${key}`,
      args: [{ model: kling, input: klingInput }],
      memo: { secret: 'of somebody else' },
    });
  return { client, blind, key, start };
}

describe('a memo that cannot be decoded here', () => {
  it('keeps no request id from its generation', async () => {
    const { client, blind, key, start } = await runsWithMemos();
    const { firstExecutionRunId } = await start();
    const folder = await temporaryFolder();
    const spool = openRequestSpool(folder);
    const acceptedAt = new Date().toISOString();
    await spool.put({ workflowId: key, firstExecutionRunId, requestId: 'request-1', acceptedAt });
    const log = pino({ level: 'silent' });
    const handOver = createHandOver({ client: blind, spool, journal: openSubmitJournal(folder), log });
    await handOver.drain();
    await eventually(async () => {
      expect(await spool.list()).toEqual([]);
    });
    await handOver.stop();
    await client.workflow.getHandle(key).terminate();
  });

  it('hides neither the run that is looked for nor a rival of it', async () => {
    const { client, blind, key, start } = await runsWithMemos();
    const first = await start();
    await first.terminate();
    const second = await start();
    // A list that does not show the newest run yet is trusted by nobody: the next attempt asks again.
    await eventually(() => checkNewerRuns(blind, key, second.firstExecutionRunId, first.firstExecutionRunId));
    await second.terminate();
    const third = await start();
    await eventually(async () => {
      await expect(
        checkNewerRuns(blind, key, third.firstExecutionRunId, first.firstExecutionRunId),
      ).rejects.toMatchObject({
        type: 'InvalidInput',
        message: expect.stringContaining('ordered again') as string,
        // Else it would hide its rival as an order that cost nothing.
        details: [{ submission: 'not_sent', isReset: true }],
      });
    });
    await client.workflow.getHandle(key).terminate();
  });
});
