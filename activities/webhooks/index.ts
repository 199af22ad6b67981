import type { WebhookActivities } from '../../domain/webhook/webhook.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { createCheckWebhook } from './check-webhook.ts';
import { createDeliverWebhook } from './deliver-webhook.ts';
import type { WebhookDeps } from './webhook-deps.ts';

export type { WebhookDeps } from './webhook-deps.ts';

/** The activities of webhooks. Without secrets there is only `checkWebhook`, which reports that. */
export function createWebhookActivities(
  deps: WebhookDeps | undefined,
  earlierRuns: Pick<ActivityDeps, 'acceptedBefore' | 'submitBeforeReset'>,
): Pick<WebhookActivities, 'checkWebhook'> & Partial<WebhookActivities> {
  return {
    checkWebhook: createCheckWebhook(deps, earlierRuns),
    ...(deps && { deliverWebhook: createDeliverWebhook(deps) }),
  };
}
