import { ApplicationFailure, condition, isCancellation, log, metricMeter, setHandler } from '@temporalio/workflow';
import { issuesSentence } from '../../domain/issues.ts';
import { problemsOfWebhookOrder } from '../../domain/webhook/webhook-request.ts';
import {
  type Delivery,
  type DeliveryAnswer,
  nextAttemptInMs,
  type WebhookAttempt,
  type WebhookOrder,
  withoutQuery,
} from '../../domain/webhook/webhook.ts';
import { deliverOnce } from '../activity-options.ts';
import { waitForKeyOf } from '../hooks/payload-converter.ts';
import { deliveryQuery, retryNowSignal } from './messages.ts';

/** Most attempts of a delivery, including those that somebody asked for. */
const maxAttempts = 30;

/** Type of the failure of a delivery that did not arrive; its first detail is the `Delivery`. */
const notDelivered = 'WebhookNotDelivered';

/** Delivers one event: tries on a schedule until the receiver accepts it, refuses it for good, or a day has passed. */
export async function runcomfyWebhook(order: WebhookOrder): Promise<Delivery> {
  waitForKeyOf(order);
  const issues = problemsOfWebhookOrder(order);
  if (issues.length > 0) throw invalidOrder(issues);
  const { webhookId, url, body } = order;
  const delivery: Delivery = { event: body.type, url: withoutQuery(url), state: 'delivering', attempts: [], webhookId };
  let isRetryWanted = false;
  setHandler(deliveryQuery, () => delivery);
  setHandler(retryNowSignal, () => {
    isRetryWanted = true;
  });
  for (let step = 0; ;) {
    delivery.state = 'delivering';
    delete delivery.nextAttemptAt;
    isRetryWanted = false;
    const { verdict, retryAfterMs, ...attempt } = await tryOnce(order);
    // Nothing was sent, so this does not count as an attempt.
    if (verdict === 'refused') delivery.refusedBecause = attempt.error ?? 'the worker does not say why';
    else delivery.attempts.push(attempt);
    if (verdict === 'delivered') return delivered(delivery);
    if (verdict !== 'failed') throw undelivered(delivery, verdict, attempt);
    const inMs = nextAttemptInMs(step, Math.random(), retryAfterMs);
    if (inMs === undefined || delivery.attempts.length >= maxAttempts) {
      throw undelivered(delivery, 'exhausted', attempt);
    }
    delivery.state = 'waiting';
    delivery.nextAttemptAt = new Date(Date.now() + inMs).toISOString();
    // An attempt that somebody asked for does not use up a step of the schedule.
    const isEarly = await condition(() => isRetryWanted, inMs);
    if (!isEarly) step += 1;
  }
}

/** Makes one attempt. If its worker is lost, the attempt counts as failed. */
async function tryOnce({ webhookId, url, secret, body }: WebhookOrder): Promise<DeliveryAnswer> {
  const since = Date.now();
  try {
    return await deliverOnce().deliverWebhook({ webhookId, url, secret, body });
  } catch (error) {
    if (isCancellation(error)) throw error;
    const reason = 'the worker was lost during the attempt, or could not make it';
    return { at: new Date(since).toISOString(), durationMs: Date.now() - since, error: reason, verdict: 'failed' };
  }
}

function delivered(delivery: Delivery): Delivery {
  delivery.state = 'delivered';
  delivery.deliveredAt = new Date().toISOString();
  count(delivery);
  return delivery;
}

function undelivered(
  delivery: Delivery,
  state: 'exhausted' | 'gone' | 'refused',
  { error, httpStatus }: Pick<WebhookAttempt, 'error' | 'httpStatus'>,
): ApplicationFailure {
  delivery.state = state;
  count(delivery);
  const { event, webhookId, attempts } = delivery;
  const reason = error ?? `HTTP ${String(httpStatus)}`;
  log.warn('webhook not delivered', { event, webhookId, state, attempts: attempts.length, reason });
  return ApplicationFailure.create({
    type: notDelivered,
    message: `${event} was not delivered (${state} after ${String(attempts.length)} attempts): ${reason}`,
    nonRetryable: true,
    details: [delivery],
  });
}

function count({ state }: Delivery): void {
  metricMeter
    .createCounter('runcomfy_webhooks', '{webhook}', 'Webhook deliveries by outcome')
    .add(1, { outcome: state });
}

function invalidOrder(issues: ReturnType<typeof problemsOfWebhookOrder>): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'InvalidInput',
    message: `the webhook cannot be understood, nothing was sent: ${issuesSentence(issues)}`,
    nonRetryable: true,
    details: [{ issues }],
  });
}
