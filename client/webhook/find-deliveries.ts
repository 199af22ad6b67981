import type { Client } from '@temporalio/client';
import { webhookWorkflowType } from '../../domain/names.ts';
import { problemsOfWebhookOrder } from '../../domain/webhook/webhook-request.ts';
import { type WebhookEvent, webhookEvents } from '../../domain/webhook/webhook-target.ts';
import { webhookKey, webhookKeyOfRun, type WebhookOrder } from '../../domain/webhook/webhook.ts';
import { readOriginalRequest } from '../generation/original-request.ts';
import { describeKnown, isClosed } from '../generation/run-info.ts';
import { refuseOtherType } from '../generation/starting/compare-requests.ts';

/** The newest run of a delivery, and its order. */
export interface FoundDelivery {
  workflowId: string;
  runId: string;
  isClosed: boolean;
  order: WebhookOrder;
}

/** Every delivery of a generation's events that Temporal still keeps; throws if it does not know the generation. */
export async function findDeliveries(client: Client, key: string): Promise<FoundDelivery[]> {
  const { namespace } = client.options;
  const request = { namespace, execution: { workflowId: key } };
  const { workflowExecutionInfo } = await client.workflowService.describeWorkflowExecution(request);
  refuseOtherType(key, workflowExecutionInfo?.type?.name ?? '');
  const firstRunId = workflowExecutionInfo?.firstRunId ?? '';
  const ids = webhookEvents.flatMap((event: WebhookEvent) => [
    webhookKey(key, event),
    ...(firstRunId === '' ? [] : [webhookKeyOfRun(key, event, firstRunId)]),
  ]);
  const found = await Promise.all(ids.map((id) => findDelivery(client, id)));
  return found.filter((each) => each !== undefined);
}

async function findDelivery(client: Client, workflowId: string): Promise<FoundDelivery | undefined> {
  const run = await describeKnown(client, workflowId);
  if (run?.workflowType !== webhookWorkflowType) return undefined;
  const original = await readOriginalRequest(client, workflowId, run.runId);
  if (original === undefined) return undefined;
  // Anyone may have started this workflow, and had an invalid order refused.
  if (problemsOfWebhookOrder(original.request).length > 0) return undefined;
  const order = original.request as unknown as WebhookOrder;
  return { workflowId, runId: run.runId, isClosed: isClosed(run), order };
}
