import { access } from 'node:fs/promises';
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
  const hasSecrets = secretsFile !== undefined && !(await isAbsent(secretsFile));
  if (secretsFile !== undefined && !hasSecrets) {
    log.warn(
      { file: secretsFile },
      'the file of webhook secrets is not there: names of secrets are left to the workers',
    );
  }
  const secretsOf = hasSecrets ? await watchWebhookSecrets(secretsFile, log) : undefined;
  return async ({ url, secret }) => {
    const ofUrl = refuseWebhookUrl(url, allowedHosts);
    const isKnown = secretsOf === undefined || (await secretsOf(secret)) !== undefined;
    return [
      ...(ofUrl === undefined
        ? []
        : [
            {
              path: 'request.webhook.url',
              message: `${ofUrl}; a host may be allowed in the gateway's RUNCOMFY_WEBHOOK_ALLOW_HOSTS`,
            },
          ]),
      ...(isKnown ? [] : [{ path: 'request.webhook.secret', message: `no secrets are named "${secret}"` }]),
    ];
  };
}

/** One environment may serve workers and gateways, of which the workers alone are given the file. */
async function isAbsent(file: string): Promise<boolean> {
  try {
    await access(file);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
  }
}
