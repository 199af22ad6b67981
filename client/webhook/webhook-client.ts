import type { Client } from '@temporalio/client';
import { webhookWorkflowType } from '../../domain/names.ts';
import type { WebhookEvent } from '../../domain/webhook/webhook-target.ts';
import type { Delivery } from '../../domain/webhook/webhook.ts';
import { retryNowSignal } from '../../workflows/webhook/messages.ts';
import { withClientErrors } from '../convert-errors.ts';
import { GenerationError } from '../errors.ts';
import { checkKey } from '../generation/check-arguments.ts';
import { startWorkflow } from '../generation/starting/start-workflow.ts';
import { findDeliveries, type FoundDelivery } from './find-deliveries.ts';
import { asOrdered, readDelivery } from './read-delivery.ts';

/** Lists the webhook deliveries of a generation, and repeats them. */
export interface WebhookClient {
  /** The deliveries of a generation's events that Temporal still keeps. */
  list: (key: string) => Promise<Delivery[]>;
  /** Delivers an event again, under the same `webhook-id`; a delivery that is still going on is attempted now. */
  replay: (key: string, event: WebhookEvent) => Promise<Delivery>;
}

/** Makes the client of webhooks from a Temporal client. */
export function createWebhookClient(client: Client, taskQueue: string): WebhookClient {
  return {
    list: (key) =>
      withClientErrors(key, async () => {
        checkKey(key);
        const found = await findDeliveries(client, key);
        return await Promise.all(found.map((each) => readDelivery(client, each)));
      }),
    replay: (key, event) =>
      withClientErrors(key, async () => {
        checkKey(key);
        const found = (await findDeliveries(client, key)).findLast(({ order }) => order.body.type === event);
        if (found === undefined) throw noSuchEvent(key, event);
        return await deliverAgain(client, taskQueue, found);
      }),
  };
}

async function deliverAgain(client: Client, taskQueue: string, found: FoundDelivery): Promise<Delivery> {
  const { workflowId, order } = found;
  const { runId, isNew } = await startWorkflow(client.workflow, webhookWorkflowType, {
    taskQueue,
    workflowId,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: [order],
    staticSummary: order.body.type,
  });
  if (isNew) return asOrdered(found, 'delivering');
  await client.workflow.getHandle(workflowId, runId).signal(retryNowSignal);
  return await readDelivery(client, { ...found, runId, isClosed: false });
}

function noSuchEvent(key: string, event: WebhookEvent): GenerationError {
  return new GenerationError({
    type: 'KeyNotFound',
    message: `no webhook was told ${event} of generation "${key}", as far as Temporal keeps it`,
    key,
  });
}
