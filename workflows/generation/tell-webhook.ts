import {
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  patched,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { GenerationResult } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { webhookWorkflowType } from '../../domain/names.ts';
import { messageOf } from '../../domain/text.ts';
import type { WebhookEvent, WebhookTarget } from '../../domain/webhook/webhook-target.ts';
import {
  type Delivery,
  type DeliveryRun,
  type WebhookCheck,
  webhookKey,
  webhookKeyOfRun,
  type WebhookOrder,
} from '../../domain/webhook/webhook.ts';
import { legacyLocalChecks, webhookChecks } from '../activity-options.ts';
import { isKeyTaken } from '../generation-child.ts';
import { readActivityError } from './activity-error.ts';
import { endOf } from './endings.ts';
import type { Generation } from './memory.ts';
import { runErrand } from './open-work.ts';
import { warn } from './sightings.ts';
import { webhookBody } from './webhook-event.ts';

/**
 * Ends a generation before anything is paid if its webhook could never be delivered. It goes on if no worker can tell,
 * if its request is taken over, or if an earlier run may have paid; each attempt to deliver checks the webhook again.
 */
export async function checkWebhook(generation: Generation): Promise<void> {
  const { facts, told } = generation;
  const { webhook } = facts.request;
  if (webhook === undefined || told.isWebhookChecked) return;
  told.isWebhookChecked = true;
  const { url, secret } = webhook;
  const { firstExecutionRunId } = workflowInfo();
  const target = { url, secret, key: facts.key, firstExecutionRunId };
  const { issues, mayBeSubmitted } = await askForCheck(generation, target).catch((error: unknown): WebhookCheck => {
    log.warn('the webhook could not be checked', { reason: readActivityError(error).message });
    return { issues: [] };
  });
  if (issues.length === 0) return;
  if (
    mayBeSubmitted ||
    isPaidTakeOver(generation) ||
    (facts.selfStartedBy !== undefined && patched('self-started-runs-do-not-submit'))
  ) {
    // No delivery can be named after a key that is too long.
    told.isWebhookRefused = issues.some(({ path }) => path === 'key');
    warn(generation, `the webhook cannot be used: ${issuesSentence(issues)}`);
    return;
  }
  told.isWebhookRefused = true;
  const message = `the webhook cannot be used, nothing was sent: ${issuesSentence(issues)}`;
  throw endOf(generation, { type: 'InvalidInput', phase: 'failed', message, details: { issues } });
}

/**
 * Whether the request was taken over, so that refusing it would lose what was paid. False if the check was a local
 * activity: `patched` must not be called after one, since a replay may call it earlier.
 */
function isPaidTakeOver({ facts }: Generation): boolean {
  if (facts.request.requestId === undefined || !patched('webhooks-are-checked-by-an-activity')) return false;
  return patched('webhooks-end-no-takeover');
}

async function askForCheck(
  { facts }: Generation,
  target: Parameters<typeof webhookChecks.checkWebhook>[0],
): Promise<WebhookCheck> {
  // After a local activity, a replay may get here earlier than the original run, before it has seen its patches and
  // messages.
  if (patched('webhooks-are-checked-by-an-activity')) return await webhookChecks.checkWebhook(target);
  const isAskedBefore = patched('webhooks-are-checked-by-either');
  if (isAskedBefore && facts.selfStartedBy !== undefined) patched('self-started-runs-do-not-submit');
  return await legacyLocalChecks.checkWebhook(target).catch((error: unknown) => {
    // A busy worker may have had no time for the check, and an order whose webhook cannot be delivered would be paid.
    if (isAskedBefore || patched('webhooks-are-checked-again')) return webhookChecks.checkWebhook(target);
    throw error;
  });
}

/** Reports that a person is needed: no id will turn up by itself any more. */
export function tellHeld(generation: Generation): void {
  const { told } = generation;
  if (told.isHoldTold || wantedWebhook(generation, 'generation.submission_unknown') === undefined) return;
  told.isHoldTold = true;
  const telling = deliver(generation, 'generation.submission_unknown').then(async (started) => {
    told.heldDelivery = started;
    if (generation.state.phase !== 'submission_unknown') await callBackHeld(generation);
  });
  runErrand(generation, telling);
}

/**
 * Calls the report back, since a person is no longer needed: a receiver that it has not reached yet must not get it
 * hours later and order again. A report that was called back counts as not made.
 */
export function noteHoldOver(generation: Generation): void {
  if (generation.told.heldDelivery !== undefined) runErrand(generation, callBackHeld(generation));
}

async function callBackHeld({ told }: Generation): Promise<void> {
  const { heldDelivery } = told;
  if (heldDelivery === undefined || !patched('what-is-settled-is-told-no-more')) return;
  delete told.heldDelivery;
  try {
    await getExternalWorkflowHandle(heldDelivery.workflowId, heldDelivery.runId).cancel();
    told.isHoldTold = false;
  } catch {
    // It has arrived, or was given up.
  }
}

/** Reports the end; returns as soon as the delivery runs independently. */
export async function tellEnd(generation: Generation, event: WebhookEvent, result?: GenerationResult): Promise<void> {
  await deliver(generation, event, result);
}

/**
 * The event that reports the end. `submission_unknown` is reported only once: if the hold was reported, the end is a
 * failure. It is also a failure to a receiver that wants to hear of failures but not of unknown submissions.
 */
export function endEventOf(generation: Generation): WebhookEvent {
  const { phase } = generation.state;
  if (phase === 'succeeded' || phase === 'cancelled' || phase === 'timed_out') return `generation.${phase}`;
  if (phase !== 'submission_unknown' || generation.told.isHoldTold) return 'generation.failed';
  const isWanted = (event: WebhookEvent) => wantedWebhook(generation, event) !== undefined;
  const isFailureAlone = isWanted('generation.failed') && !isWanted('generation.submission_unknown');
  return isFailureAlone && patched('unknown-ends-are-told-as-failures')
    ? 'generation.failed'
    : 'generation.submission_unknown';
}

function wantedWebhook({ facts, told }: Generation, event: WebhookEvent): WebhookTarget | undefined {
  const { webhook } = facts.request;
  if (webhook === undefined || told.isWebhookRefused) return undefined;
  return webhook.events?.includes(event) === false ? undefined : webhook;
}

/** Starts the delivery, which outlives the generation. Its errors do not affect the generation. */
async function deliver(
  generation: Generation,
  event: WebhookEvent,
  result?: GenerationResult,
): Promise<DeliveryRun | undefined> {
  const webhook = wantedWebhook(generation, event);
  if (webhook === undefined) return undefined;
  const { key } = generation.facts;
  const { firstExecutionRunId } = workflowInfo();
  const order: WebhookOrder = {
    webhookId: `evt_${firstExecutionRunId}_${event}`,
    url: webhook.url,
    secret: webhook.secret,
    body: webhookBody(generation, event, result),
  };
  try {
    return await startDelivery(webhookKey(key, event), order).catch(async (error: unknown) => {
      // The event of an earlier run of this key is still being delivered.
      if (!isKeyTaken(error)) throw error;
      return await startDelivery(webhookKeyOfRun(key, event, firstExecutionRunId), order);
    });
  } catch (error) {
    log.error('the delivery of a webhook could not be started', { event, reason: messageOf(error) });
    return undefined;
  }
}

async function startDelivery(workflowId: string, order: WebhookOrder): Promise<DeliveryRun> {
  const { firstExecutionRunId: runId } = await startChild<(order: WebhookOrder) => Promise<Delivery>>(
    webhookWorkflowType,
    {
      workflowId,
      args: [order],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: order.body.type,
    },
  );
  return { workflowId, runId };
}
