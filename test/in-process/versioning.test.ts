import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

const now = Date.parse('2026-11-26T05:00:00.000Z');
const body = { type: 'generation.failed', timestamp: '2026-11-26T05:00:00.000Z', data: { key: 'k', runId: 'r' } };

/** As Temporal numbers them on the wire. */
const asTheWorkerHasIt = 0;
const autoUpgrade = 2;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

it.each<[workflowType: string, argument: unknown, behaviour: number]>([
  ['runcomfyBudget', { limitUsd: 5 }, autoUpgrade],
  ['runcomfyWebhook', { webhookId: 'w', url: 'https://a.example', secret: 's', body }, autoUpgrade],
  ['runcomfyGeneration', { model: 'a/b', input: { prompt: 'x' } }, asTheWorkerHasIt],
])('%s goes with the version of its workers as its life is long', async (workflowType, argument, behaviour) => {
  const workflowId = workflowType === 'runcomfyBudget' ? 'runcomfy-budget:acme' : 'versioned';
  const run = await sandbox.open({ workflowType, workflowId, runId: workflowType, args: [argument], now });
  await run.activate([run.first], { now });
  expect(run.versioning()).toBe(behaviour);
  await run.dispose();
});
