import type { Logger } from 'pino';
import type { Config } from '../config/env.ts';
import { watchWebhookSecrets } from '../config/webhooks.ts';
import type { GenerationWorkerOptions } from './create-worker.ts';

/** What a worker delivers webhooks with, where secrets are configured; throws what is wrong with their file. */
export async function webhookOptionsOf(
  { webhooks: { secretsFile, allowedHosts } }: Pick<Config, 'webhooks'>,
  log: Logger,
): Promise<Pick<GenerationWorkerOptions, 'webhooks'>> {
  if (secretsFile === undefined) return {};
  return { webhooks: { secretsOf: await watchWebhookSecrets(secretsFile, log), allowedHosts } };
}
