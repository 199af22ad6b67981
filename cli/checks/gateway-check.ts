import type { Config } from '../../config/env.ts';
import { readWebhookSecrets } from '../../config/webhooks.ts';
import { cutText } from '../../domain/text.ts';
import type { Finding } from './health-checks.ts';

const answerWithinMs = 3_000;

/**
 * Checks that the API keys and the webhook secrets can be read and that a gateway with a public URL is ready. Skips
 * what is not configured.
 */
export async function checkGateway({ gateway, webhooks }: Pick<Config, 'gateway' | 'webhooks'>): Promise<Finding[]> {
  return [
    ...(gateway.keysFile === undefined ? [] : [await checkKeys(gateway.keysFile)]),
    ...(gateway.publicUrl === undefined ? [] : [await checkReady(gateway.publicUrl)]),
    ...(webhooks.secretsFile === undefined ? [] : [await checkSecrets(webhooks.secretsFile)]),
  ];
}

async function checkKeys(file: string): Promise<Finding> {
  const check = 'api keys';
  const { readKeyFile } = await import('../../gateway/access/key-file.ts');
  const keys = await readKeyFile(file);
  const now = Date.now();
  const valid = keys.filter(({ expiresAt }) => expiresAt === undefined || Date.parse(expiresAt) > now);
  const expired = keys.length - valid.length;
  const message = `${String(valid.length)} in ${file}${expired > 0 ? `, and ${String(expired)} that have expired` : ''}`;
  if (valid.length > 0) return { check, status: 'ok', message };
  return { check, status: 'warning', message, fix: 'make one with `runcomfy-temporal keys create`' };
}

async function checkSecrets(file: string): Promise<Finding> {
  const names = [...(await readWebhookSecrets(file)).keys()];
  return { check: 'webhook secrets', status: 'ok', message: `${names.join(', ') || 'none'} in ${file}` };
}

async function checkReady(publicUrl: string): Promise<Finding> {
  const check = 'gateway';
  const fix = 'start it with `runcomfy-temporal gateway`, and look at what stands in front of it';
  try {
    const reply = await fetch(`${publicUrl}/readyz`, {
      signal: AbortSignal.timeout(answerWithinMs),
      redirect: 'manual',
    });
    const text = cutText(await reply.text(), 200);
    if (reply.status === 200) return { check, status: 'ok', message: `${publicUrl} is ready` };
    return { check, status: 'warning', message: `${publicUrl} is not ready: ${String(reply.status)} ${text}`, fix };
  } catch (error) {
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    return { check, status: 'warning', message: `${publicUrl} does not answer: ${reason}`, fix };
  }
}
