import { randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { expect, inject, it } from 'vitest';
import { openTemporal } from '../../../setup/temporal.ts';
import { onTestFinished } from '../../support/test-end.ts';

it('reads a history whose events have more than 4 MiB together', async () => {
  const settings = { connectionOptions: { address: inject('temporalAddress') }, namespace: 'default' };
  const { connection, close } = await openTemporal(settings);
  onTestFinished(close);
  const client = new Client({ connection });
  const workflowId = `large-replies-${randomUUID()}`;
  const handle = await client.workflow.start('runcomfyGeneration', { workflowId, taskQueue: workflowId });
  for (let at = 0; at < 3; at += 1) await handle.signal('junk', 'x'.repeat(1_800_000));
  const { events } = await handle.fetchHistory();
  expect(events?.filter((event) => event.workflowExecutionSignaledEventAttributes)).toHaveLength(3);
  await handle.terminate('read');
});
