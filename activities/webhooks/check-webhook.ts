import { tooLong } from '../../domain/names.ts';
import { maxWebhookKeyLength, type WebhookActivities } from '../../domain/webhook.ts';
import { refuseWebhookUrl } from '../../runcomfy/models/index.ts';
import type { WebhookDeps } from './webhook-deps.ts';

/** Whether the worker could deliver there, as far as that shows without a connection; asks nobody. */
export function createCheckWebhook(deps: WebhookDeps | undefined): WebhookActivities['checkWebhook'] {
  return async ({ url, secret, key }) => {
    if (!deps) return { issues: [{ path: 'request.webhook', message: unconfigured }] };
    const issues = [];
    const ofUrl = refuseWebhookUrl(url, deps.allowedHosts);
    if (ofUrl !== undefined) issues.push({ path: 'request.webhook.url', message: ofUrl });
    if ((await deps.secretsOf(secret)) === undefined) {
      issues.push({ path: 'request.webhook.secret', message: unknownSecretSentence(secret) });
    }
    if (key.length > maxWebhookKeyLength)
      issues.push({ path: 'key', message: tooLong(key.length, maxWebhookKeyLength) });
    return { issues };
  };
}

const unconfigured = 'this worker has no secrets for webhooks: name their file in RUNCOMFY_WEBHOOK_SECRETS_FILE';

/** Says that there are no secrets of this name. */
export function unknownSecretSentence(name: string): string {
  return `no secrets are named "${name}" in the worker's RUNCOMFY_WEBHOOK_SECRETS_FILE`;
}
