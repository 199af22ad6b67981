import { z } from 'zod';
import { trimValue } from '../../config/environment.ts';
import { defaultUnknownPolicies } from '../../domain/unknown-submission.ts';
import { checkWebhookTarget } from '../../domain/webhook/webhook-request.ts';
import type { WebhookTarget } from '../../domain/webhook/webhook-target.ts';
import { everyTenant, type Scope, scopes } from './principal.ts';

/** Valid names of tenants. */
export const tenantPattern = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

/** A tenant's name, or `*` for all tenants. */
const tenantName = z
  .string()
  .refine(
    (name) => name === everyTenant || tenantPattern.test(name),
    'expected up to 32 small letters, digits and "-", or *',
  );

/** A pattern of model ids that may be ordered. */
const modelPattern = z
  .string()
  .regex(/^[A-Za-z0-9._*/-]{1,256}$/, 'expected a model id, with * or ** where anything may stand');

const perMinute = z.int().min(1).max(1_000_000);
const maxDedupeMs = 24 * 60 * 60 * 1_000;

const time = z.iso.datetime({ offset: true });

/** An API key as stored in the file, which never has the key itself. */
export const keyRecord = z.strictObject({
  id: z.string().regex(/^[0-9A-Za-z]{8}$/, 'expected 8 letters and digits'),
  name: z.string().max(100),
  tenant: tenantName,
  scopes: z.array(z.enum(scopes)).min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'),
  createdAt: time,
  expiresAt: time.optional(),
  models: z.array(modelPattern).min(1).optional(),
  requestsPerMinute: perMinute.optional(),
  startsPerMinute: perMinute.optional(),
  dedupe: z.strictObject({ windowMs: z.int().min(1_000).max(maxDedupeMs) }).optional(),
  onUnknownSubmission: z.enum(defaultUnknownPolicies).optional(),
  webhook: z
    .custom<WebhookTarget>()
    .superRefine((webhook, context) => {
      checkWebhookTarget(webhook, (path, message) => {
        context.addIssue({ code: 'custom', message: `${path}: ${message}` });
      });
    })
    .optional(),
});

export type KeyRecord = z.output<typeof keyRecord>;

const keyFile = z.strictObject({ keys: z.array(keyRecord) }).superRefine(({ keys }, context) => {
  const ids = keys.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined)
    context.addIssue({ code: 'custom', path: ['keys'], message: `id ${twice} stands there twice` });
});

/** The records in the text of a key file, or every problem of it. */
export function parseKeyRecords(text: string): { records: KeyRecord[] } | { problems: string[] } {
  let document: unknown;
  try {
    document = JSON.parse(trimValue(text));
  } catch {
    return { problems: ['it is no JSON'] };
  }
  const parsed = keyFile.safeParse(document);
  if (parsed.success) return { records: parsed.data.keys };
  return { problems: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) };
}

/** The highest scope of a record. */
export function scopeOf({ scopes: given }: KeyRecord): Scope {
  return scopes.toReversed().find((scope) => given.includes(scope)) ?? 'read';
}
