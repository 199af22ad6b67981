import { access } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Config } from '../config/env.ts';
import { watchWebhookSecrets } from '../config/webhooks.ts';
import type { GatewayParts } from '../gateway/gateway-parts.ts';
import { refuseWebhookUrl } from '../runcomfy/models/index.ts';

/** Creates the check of webhooks before anything is started, as far as it works without a connection. */
export async function createWebhookCheck(
  { webhooks }: Pick<Config, 'webhooks'>,
  log: Logger,
): Promise<GatewayParts['checkWebhook']> {
  const { secretsFile, allowedHosts } = webhooks;
  // Without secrets here, only the worker knows their names; it checks them before it orders.
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

/** Workers and gateways may share one environment, with the file present only on the workers. */
async function isAbsent(file: string): Promise<boolean> {
  try {
    await access(file);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
  }
}
