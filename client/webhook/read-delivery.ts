import { ApplicationFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import { readFailureDetails } from '../../domain/failure-details.ts';
import { type Delivery, withoutQuery } from '../../domain/webhook/webhook.ts';
import { deliveryQuery } from '../../workflows/webhook/messages.ts';
import type { FoundDelivery } from './find-deliveries.ts';

const queryWithinMs = 6_000;
/** Shorter: what its order says of an ended delivery is there already, and no worker may be left. */
const closedWithinMs = 2_000;

/**
 * The state of a delivery. An ended one needs no worker; an open one that no worker answers for is described by its
 * order alone.
 */
export async function readDelivery(client: Client, found: FoundDelivery): Promise<Delivery> {
  if (found.isClosed) return await readEnd(client, found);
  return (await askWorker(client, found)) ?? asOrdered(found, 'delivering');
}

/** Undefined if no worker answers. */
async function askWorker(
  client: Client,
  { workflowId, runId, isClosed }: FoundDelivery,
): Promise<Delivery | undefined> {
  const handle = client.workflow.getHandle(workflowId, runId);
  return await client
    .withDeadline(Date.now() + (isClosed ? closedWithinMs : queryWithinMs), () => handle.query(deliveryQuery))
    .catch(() => undefined);
}

async function readEnd(client: Client, found: FoundDelivery): Promise<Delivery> {
  try {
    return (await client.workflow.result(found.workflowId, found.runId)) as Delivery;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const detail = error.cause instanceof ApplicationFailure ? readFailureDetails<Delivery>(error.cause) : {};
    if ('state' in detail) return detail as Delivery;
    // It was ended from outside, so nothing more will be sent.
    const { nextAttemptAt: _, ...last } = (await askWorker(client, found)) ?? asOrdered(found, 'exhausted');
    return last.state === 'waiting' || last.state === 'delivering' ? { ...last, state: 'exhausted' } : last;
  }
}

/** A delivery as far as its order describes it. */
export function asOrdered({ order }: FoundDelivery, state: Delivery['state']): Delivery {
  const { webhookId, url, body } = order;
  return { event: body.type, url: withoutQuery(url), state, attempts: [], webhookId };
}
