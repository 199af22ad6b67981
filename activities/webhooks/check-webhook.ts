import { tooLong } from '../../domain/names.ts';
import { maxWebhookKeyLength, type WebhookActivities } from '../../domain/webhook/webhook.ts';
import { refuseWebhookUrl } from '../../runcomfy/models/index.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { submitOfEarlierRuns } from '../submitting/submit-of-earlier-runs.ts';
import type { WebhookDeps } from './webhook-deps.ts';

/**
 * Checks whether the worker could deliver to a webhook, as far as that shows without a connection. If it could not, it
 * also says whether a run before a reset may have had the order accepted.
 */
export function createCheckWebhook(
  deps: WebhookDeps | undefined,
  earlierRuns: Pick<ActivityDeps, 'acceptedBefore' | 'submitBeforeReset'>,
): WebhookActivities['checkWebhook'] {
  return async ({ firstExecutionRunId, ...target }) => {
    const issues = await issuesOf(deps, target);
    if (issues.length === 0 || firstExecutionRunId === undefined) return { issues };
    const mayBeSubmitted = await submitOfEarlierRuns(earlierRuns, firstExecutionRunId).then(
      ({ kind }) => kind !== 'nothing',
      () => true,
    );
    return { issues, ...(mayBeSubmitted && { mayBeSubmitted }) };
  };
}

async function issuesOf(
  deps: WebhookDeps | undefined,
  { url, secret, key }: { url: string; secret: string; key: string },
) {
  if (!deps) return [{ path: 'request.webhook', message: unconfigured }];
  const issues = [];
  const ofUrl = refuseWebhookUrl(url, deps.allowedHosts);
  if (ofUrl !== undefined) issues.push({ path: 'request.webhook.url', message: ofUrl });
  if ((await deps.secretsOf(secret)) === undefined) {
    issues.push({ path: 'request.webhook.secret', message: unknownSecretSentence(secret) });
  }
  if (key.length > maxWebhookKeyLength) issues.push({ path: 'key', message: tooLong(key.length, maxWebhookKeyLength) });
  return issues;
}

const unconfigured = 'this worker has no secrets for webhooks: name their file in RUNCOMFY_WEBHOOK_SECRETS_FILE';

/** The message for a name without secrets. */
export function unknownSecretSentence(name: string): string {
  return `no secrets are named "${name}" in the worker's RUNCOMFY_WEBHOOK_SECRETS_FILE`;
}
