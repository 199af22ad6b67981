import { log, ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow';
import type { GenerationResult } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { webhookWorkflowType } from '../../domain/names.ts';
import { messageOf } from '../../domain/text.ts';
import type { WebhookEvent, WebhookTarget } from '../../domain/webhook-target.ts';
import { type Delivery, webhookKey, webhookKeyOfRun, type WebhookOrder } from '../../domain/webhook.ts';
import { localChecks } from '../activity-options.ts';
import { isKeyTaken } from '../generation-child.ts';
import { readActivityError } from './activity-error.ts';
import { endOf } from './endings.ts';
import type { Generation } from './memory.ts';
import { runErrand } from './open-work.ts';
import { webhookBody } from './webhook-event.ts';

/**
 * Ends a generation whose webhook could never be delivered before anything is paid. A worker that cannot tell stands in the
 * way of nothing: each attempt to deliver checks again.
 */
export async function checkWebhook(generation: Generation): Promise<void> {
  const { facts, told } = generation;
  const { webhook } = facts.request;
  if (webhook === undefined || told.isWebhookChecked) return;
  told.isWebhookChecked = true;
  const { url, secret } = webhook;
  const { issues } = await localChecks.checkWebhook({ url, secret, key: facts.key }).catch((error: unknown) => {
    log.warn('the webhook could not be checked', { reason: readActivityError(error).message });
    return { issues: [] };
  });
  if (issues.length === 0) return;
  told.isWebhookRefused = true;
  const message = `the webhook cannot be used, nothing was sent: ${issuesSentence(issues)}`;
  throw endOf(generation, { type: 'InvalidInput', phase: 'failed', message, details: { issues } });
}

/** Tells that a person is needed: no id will turn up by itself any more. */
export function tellHeld(generation: Generation): void {
  const { told } = generation;
  if (told.isHoldTold || wantedWebhook(generation, 'generation.submission_unknown') === undefined) return;
  told.isHoldTold = true;
  runErrand(generation, deliver(generation, 'generation.submission_unknown'));
}

/** Tells the end; returns as soon as the delivery has a life of its own. */
export async function tellEnd(generation: Generation, result?: GenerationResult): Promise<void> {
  await deliver(generation, endEventOf(generation), result);
}

/** A submission that stays unknown is told by that name once: where its hold was told, its end is a failure. */
function endEventOf({ state, told }: Generation): WebhookEvent {
  const { phase } = state;
  if (phase === 'succeeded' || phase === 'cancelled' || phase === 'timed_out') return `generation.${phase}`;
  return phase === 'submission_unknown' && !told.isHoldTold ? 'generation.submission_unknown' : 'generation.failed';
}

function wantedWebhook({ facts, told }: Generation, event: WebhookEvent): WebhookTarget | undefined {
  const { webhook } = facts.request;
  if (webhook === undefined || told.isWebhookRefused) return undefined;
  return webhook.events?.includes(event) === false ? undefined : webhook;
}

/** Starts the delivery, which outlives the generation. Trouble with it is no trouble of the generation's. */
async function deliver(generation: Generation, event: WebhookEvent, result?: GenerationResult): Promise<void> {
  const webhook = wantedWebhook(generation, event);
  if (webhook === undefined) return;
  const { key } = generation.facts;
  const { firstExecutionRunId } = workflowInfo();
  const order: WebhookOrder = {
    webhookId: `evt_${firstExecutionRunId}_${event}`,
    url: webhook.url,
    secret: webhook.secret,
    body: webhookBody(generation, event, result),
  };
  try {
    await startDelivery(webhookKey(key, event), order).catch(async (error: unknown) => {
      // An earlier run under this key is still being told.
      if (!isKeyTaken(error)) throw error;
      await startDelivery(webhookKeyOfRun(key, event, firstExecutionRunId), order);
    });
  } catch (error) {
    log.error('the delivery of a webhook could not be started', { event, reason: messageOf(error) });
  }
}

async function startDelivery(workflowId: string, order: WebhookOrder): Promise<void> {
  await startChild<(order: WebhookOrder) => Promise<Delivery>>(webhookWorkflowType, {
    workflowId,
    args: [order],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: order.body.type,
  });
}
