import type { Logger } from 'pino';
import type { Config } from '../config/env.ts';
import { watchWebhookSecrets } from '../config/webhooks.ts';
import type { GatewayParts } from '../gateway/gateway-parts.ts';
import { refuseWebhookUrl } from '../runcomfy/models/index.ts';

/** Judges webhooks before anything is started for them, as far as that shows without a connection. */
export async function createWebhookCheck(
  { webhooks }: Pick<Config, 'webhooks'>,
  log: Logger,
): Promise<GatewayParts['checkWebhook']> {
  const { secretsFile, allowedHosts } = webhooks;
  // Where a gateway has no secrets the worker alone knows their names, and says so before it orders.
  const secretsOf = secretsFile === undefined ? undefined : await watchWebhookSecrets(secretsFile, log);
  return async ({ url, secret }) => {
    const ofUrl = refuseWebhookUrl(url, allowedHosts);
    const isKnown = secretsOf === undefined || (await secretsOf(secret)) !== undefined;
    return [
      ...(ofUrl === undefined ? [] : [{ path: 'request.webhook.url', message: ofUrl }]),
      ...(isKnown ? [] : [{ path: 'request.webhook.secret', message: `no secrets are named "${secret}"` }]),
    ];
  };
}
