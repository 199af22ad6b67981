import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { withoutUndefined } from '../domain/json.ts';
import { isSecretName, secretNameWords } from '../domain/webhook/webhook-request.ts';
import { ConfigError } from './config-error.ts';
import { secretFile, trimValue } from './environment.ts';
import { unreadableFile } from './file-access.ts';
import { watchSecretFile } from './watched-file.ts';

const variable = 'RUNCOMFY_WEBHOOK_SECRETS_FILE';

/** What webhooks are configured with. */
export interface WebhookConfig {
  /** File with the signing secrets. Missing: no webhooks are delivered. */
  readonly secretsFile?: string;
  /** `host` or `host:port` that may have a private address or use plain http. */
  readonly allowedHosts: readonly string[];
}

const hosts = z
  .string()
  .transform((text) => text.split(',').map((host) => host.trim().toLowerCase()))
  .refine(
    (all) => all.every((host) => /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/.test(host)),
    'expected hosts like receiver or receiver:8080, separated by commas, without scheme and wildcards',
  );

/** The variables of webhooks. */
export const webhookVariables = {
  RUNCOMFY_WEBHOOK_SECRETS_FILE: secretFile.optional(),
  RUNCOMFY_WEBHOOK_ALLOW_HOSTS: hosts.optional(),
};

/** The webhook settings from a parsed environment. */
export function webhookConfigOf(values: z.output<z.ZodObject<typeof webhookVariables>>): WebhookConfig {
  const file = values.RUNCOMFY_WEBHOOK_SECRETS_FILE;
  return withoutUndefined({
    secretsFile: file === undefined ? undefined : resolve(file),
    allowedHosts: values.RUNCOMFY_WEBHOOK_ALLOW_HOSTS ?? [],
  });
}

/** The secrets of each name, in the order in which they sign. */
export type WebhookSecrets = ReadonlyMap<string, readonly string[]>;

/** Reads the file once. Throws a `ConfigError` that lists every problem; no message holds a secret. */
export async function readWebhookSecrets(file: string): Promise<WebhookSecrets> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadableFile(variable, `the file of webhook secrets ${file}`, file, error);
  });
  const problems: string[] = [];
  const secrets = parseSecrets(text, problems);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${variable}: in ${file}, ${problem}.`));
  return secrets;
}

/**
 * Returns a function that looks up the current secrets of a name. A change of the file takes effect within two seconds.
 */
export async function watchWebhookSecrets(
  file: string,
  log: Logger,
): Promise<(name: string) => Promise<readonly string[] | undefined>> {
  const secrets = await watchSecretFile(file, { what: 'webhook secrets', read: readWebhookSecrets, log });
  return async (name) => (await secrets()).get(name);
}

function parseSecrets(text: string, problems: string[]): WebhookSecrets {
  const parsed = z.record(z.string(), z.array(z.string()).min(1).max(10)).safeParse(parseJson(text));
  if (!parsed.success) {
    problems.push('it must hold { "<name>": ["whsec_…", …] }, with 1 to 10 secrets for each name');
    return new Map();
  }
  const entries = Object.entries(parsed.data);
  for (const [index, [name, secrets]] of entries.entries()) {
    const place = isSecretName(name) ? `"${name}"` : `name ${String(index + 1)}`;
    if (!isSecretName(name)) problems.push(`${place} is no name: expected ${secretNameWords}`);
    const odd = secrets.findIndex((secret) => !isSecret(secret));
    if (odd !== -1) {
      problems.push(`secret ${String(odd + 1)} of ${place} is none: expected whsec_ and base64 of 24 to 64 bytes`);
    }
  }
  return new Map(entries);
}

function isSecret(text: string): boolean {
  const base64 = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(text)?.[1];
  if (base64 === undefined) return false;
  const { length } = Buffer.from(base64, 'base64');
  return length >= 24 && length <= 64;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(trimValue(text));
  } catch {
    return undefined;
  }
}
