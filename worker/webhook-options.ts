import type { Logger } from 'pino';
import type { Config } from '../config/env.ts';
import { watchWebhookSecrets } from '../config/webhooks.ts';
import type { GenerationWorkerOptions } from './create-worker.ts';

/** The webhook options of a worker, if secrets are configured. Throws if the secrets file is not valid. */
export async function webhookOptionsOf(
  { webhooks: { secretsFile, allowedHosts } }: Pick<Config, 'webhooks'>,
  log: Logger,
): Promise<Pick<GenerationWorkerOptions, 'webhooks'>> {
  if (secretsFile === undefined) return {};
  return { webhooks: { secretsOf: await watchWebhookSecrets(secretsFile, log), allowedHosts } };
}
