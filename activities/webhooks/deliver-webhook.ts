import { Webhook } from 'standardwebhooks';
import type { Dispatcher } from 'undici';
import type { DeliveryAnswer, DeliveryQuestion, WebhookActivities } from '../../domain/webhook/webhook.ts';
import { isAllowedHost, refuseWebhookUrl } from '../../runcomfy/models/index.ts';
import { unknownSecretSentence } from './check-webhook.ts';
import { createGuardedAgent, createOpenAgent, refusedAddressCode } from './guarded-agent.ts';
import type { WebhookDeps } from './webhook-deps.ts';
import { retryAfterMsOf } from './webhook-retry-after.ts';

const totalMs = 15_000;
const maxReplyBytes = 4 * 1024;

type Outcome = Pick<DeliveryAnswer, 'verdict' | 'httpStatus' | 'error' | 'retryAfterMs'>;

/** The connections of deliveries: `guarded` reaches public addresses only, `open` is for hosts allowed by name. */
export interface DeliveryAgents {
  guarded: Dispatcher;
  open: Dispatcher;
}

/** POSTs one event, signed with every secret of its name. Follows no redirect and keeps nothing of the reply. */
export function createDeliverWebhook(
  deps: WebhookDeps,
  agents: DeliveryAgents = { guarded: createGuardedAgent(), open: createOpenAgent() },
): WebhookActivities['deliverWebhook'] {
  return async (question) => {
    const since = Date.now();
    const outcome = await attempt(deps, agents, question);
    return { at: new Date(since).toISOString(), durationMs: Date.now() - since, ...outcome };
  };
}

async function attempt(deps: WebhookDeps, agents: DeliveryAgents, question: DeliveryQuestion): Promise<Outcome> {
  const { webhookId, url: text, secret, body } = question;
  const refusal = refuseWebhookUrl(text, deps.allowedHosts);
  if (refusal !== undefined) return { verdict: 'refused', error: refusal };
  const secrets = await deps.secretsOf(secret);
  if (secrets === undefined) return { verdict: 'refused', error: unknownSecretSentence(secret) };
  const url = new URL(text);
  const payload = JSON.stringify(body);
  const sentAt = new Date();
  const signatures = secrets.map((each) => new Webhook(each).sign(webhookId, sentAt, payload));
  const dispatcher = isAllowedHost(url, deps.allowedHosts) ? agents.open : agents.guarded;
  const signal = AbortSignal.timeout(totalMs);
  try {
    const reply = await dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': deps.userAgent,
        'webhook-id': webhookId,
        'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
        'webhook-signature': signatures.join(' '),
      },
      body: payload,
      signal,
      // Closes the connection: a kept one may be gone by the next delivery, which would cost an attempt.
      reset: true,
    });
    await reply.body.dump({ limit: maxReplyBytes, signal }).catch(() => undefined);
    return verdictOn(reply);
  } catch (error) {
    return judgeError(error);
  }
}

function verdictOn({ statusCode, headers }: Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>): Outcome {
  const httpStatus = statusCode;
  if (statusCode >= 200 && statusCode < 300) return { verdict: 'delivered', httpStatus };
  if (statusCode === 410) return { verdict: 'gone', httpStatus, error: 'the receiver wants no more (410)' };
  if (statusCode >= 300 && statusCode < 400) {
    return { verdict: 'failed', httpStatus, error: 'redirects are not followed' };
  }
  const retryAfterMs = statusCode === 429 || statusCode === 503 ? retryAfterMsOf(headers) : undefined;
  return { verdict: 'failed', httpStatus, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** Judges an error by its code only: its message may hold the address, or what the receiver sent. */
function judgeError(error: unknown): Outcome {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return { verdict: 'failed', error: `no whole answer within ${String(totalMs / 1000)} s` };
  }
  const code = codeOf(error);
  if (code === refusedAddressCode) {
    return { verdict: 'refused', error: 'its host resolves to no address of the public internet' };
  }
  return { verdict: 'failed', error: `no answer (${code})` };
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'connection failed';
}
