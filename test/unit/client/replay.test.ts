import type { Client } from '@temporalio/client';
import { expect, it, vi } from 'vitest';
import type { FoundDelivery } from '../../../client/webhook/find-deliveries.ts';
import { createWebhookClient } from '../../../client/webhook/webhook-client.ts';

const order = { webhookId: 'w', url: 'https://hooks.example/?token=x', body: { type: 'generation.failed' } };
const found = { workflowId: 'k/webhook', runId: 'r', isClosed: false, order } as unknown as FoundDelivery;
const { isNew } = vi.hoisted(() => ({ isNew: vi.fn<() => boolean>() }));
vi.mock('../../../client/webhook/find-deliveries.ts', () => ({ findDeliveries: () => Promise.resolve([found]) }));
vi.mock('../../../client/generation/starting/start-workflow.ts', () => ({
  startWorkflow: () => Promise.resolve({ runId: 'r', isNew: isNew() }),
}));

it('a replay of a delivery that is still on its way tells the attempts so far, of any other none', async () => {
  const onItsWay = { event: 'generation.failed', state: 'delivering', attempts: [{ at: 'before', status: 500 }] };
  const told: string[] = [];
  const handle = {
    signal: () => Promise.resolve(told.push('try now')),
    query: () => Promise.resolve(onItsWay),
  };
  const client = {
    workflow: { getHandle: () => handle },
    withDeadline: (_: number, ask: () => unknown) => ask(),
  } as unknown as Client;
  const replay = () => createWebhookClient(client, 'runcomfy').replay('k', 'generation.failed');
  isNew.mockReturnValue(false);
  expect(await replay()).toEqual(onItsWay);
  expect(told).toEqual(['try now']);
  isNew.mockReturnValue(true);
  expect(await replay()).toMatchObject({ state: 'delivering', attempts: [], webhookId: 'w' });
  expect(told).toEqual(['try now']);
});
