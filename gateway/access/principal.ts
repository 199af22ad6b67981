import type { DefaultUnknownPolicy } from '../../domain/unknown-submission.ts';
import type { WebhookTarget } from '../../domain/webhook/webhook-target.ts';
import { RefusalError } from '../http/refusal-error.ts';

/** What a caller may do, lowest first; each scope includes those before it. */
export const scopes = ['read', 'generate', 'admin'] as const;

export type Scope = (typeof scopes)[number];

/** Stands for all tenants; keys are then used as given. */
export const everyTenant = '*';

/** The caller, as authenticated. */
export interface Principal {
  /** Prefix of its generations' Workflow IDs; `*` means none. */
  tenant: string;
  scope: Scope;
  keyId?: string;
  /** Name of the API key. */
  name?: string;
  /** ISO 8601; missing if it never expires. */
  expiresAt?: string;
  /** The known tenants; set only for an all-tenants caller. */
  tenants?: readonly string[];
  /** The subject of a token. */
  subject?: string;
  /** Patterns of the models it may order; missing if all. */
  models?: readonly string[];
  onUnknownSubmission?: DefaultUnknownPolicy;
  /** Webhook of its orders that name none. */
  webhook?: WebhookTarget;
  /** Calls a minute; missing if unlimited. `startsPerMinute` limits orders. */
  requestsPerMinute?: number;
  startsPerMinute?: number;
  /** Equal orders without a key within this time are one order. */
  dedupeWindowMs?: number;
}

/** The caller if no credentials are configured: anybody who reaches the loopback address. */
export const anonymous: Principal = { tenant: everyTenant, scope: 'admin' };

/** Refuses a call that needs a higher scope, naming it. */
export function mayDo({ scope }: Principal, needed: Scope): void {
  if (scopes.indexOf(scope) >= scopes.indexOf(needed)) return;
  throw new RefusalError('NotAllowed', `this credential has scope ${scope}: the call needs ${needed}`);
}

/** Refuses a model that none of the principal's patterns matches. */
export function mayOrder({ models }: Principal, model: string): void {
  if (models === undefined || models.some((pattern) => toRegExp(pattern).test(model))) return;
  throw new RefusalError('NotAllowed', `this API key orders ${models.join(', ')} alone, not ${model}`);
}

/** The Workflow ID of a principal's key. The tenant's prefix keeps it within the tenant, whatever the key is. */
export function workflowIdOf({ tenant }: Principal, key: string): string {
  return tenant === everyTenant ? key : `${tenant}/${key}`;
}

/** The key under which a principal knows a Workflow ID of its own. */
export function keyOfWorkflow(principal: Principal, workflowId: string): string {
  return workflowId.slice(workflowIdOf(principal, '').length);
}

/** The tenant that a key belongs to, for an all-tenants caller; undefined if no known tenant has that prefix. */
export function tenantOfKey({ tenants = [] }: Principal, key: string): string | undefined {
  return tenants.find((name) => key.startsWith(`${name}/`));
}

/** The full name of a principal's budget. It is unambiguous, as names have no slash and tenants have no dot. */
export function budgetNameOf({ tenant }: Principal, name: string): string {
  return tenant === everyTenant ? name : `${tenant}.${name}`;
}

/** Compiles a pattern: `*` matches anything within a segment, `**` anything. */
function toRegExp(pattern: string): RegExp {
  const source = pattern.replaceAll('.', '\\.').replaceAll(/\*\*?/g, (stars) => (stars === '**' ? '.*' : '[^/]*'));
  return new RegExp(`^${source}$`);
}
