import type { DefaultUnknownPolicy } from '../../domain/unknown-submission.ts';
import type { WebhookTarget } from '../../domain/webhook/webhook-target.ts';
import { RefusalError } from '../http/refusal-error.ts';

/** What a caller may do, the least first; each contains those before it. */
export const scopes = ['read', 'generate', 'admin'] as const;

export type Scope = (typeof scopes)[number];

/** All tenants: keys as given. */
export const everyTenant = '*';

/** Who calls. */
export interface Principal {
  /** What its generations' Workflow IDs begin with; `*`: as given. */
  tenant: string;
  scope: Scope;
  keyId?: string;
  /** Of an API key: what it is called. */
  name?: string;
  /** ISO 8601; missing: never. */
  expiresAt?: string;
  /** Of whoever acts for all tenants: those that are known. */
  tenants?: readonly string[];
  /** Of a token: whom its issuer names. */
  subject?: string;
  /** Which models it may order; missing: all. */
  models?: readonly string[];
  onUnknownSubmission?: DefaultUnknownPolicy;
  /** What its orders' webhook is where they name none. */
  webhook?: WebhookTarget;
  /** Calls and orders a minute; missing: as many as come. */
  requestsPerMinute?: number;
  startsPerMinute?: number;
  /** Equal orders without a key within so long are one. */
  dedupeWindowMs?: number;
}

/** Where no API keys are configured, whoever reaches this machine's loopback. */
export const anonymous: Principal = { tenant: everyTenant, scope: 'admin' };

/** Refuses what a principal's scope does not contain, naming the missing one. */
export function mayDo({ scope }: Principal, needed: Scope): void {
  if (scopes.indexOf(scope) >= scopes.indexOf(needed)) return;
  throw new RefusalError('NotAllowed', `this credential has scope ${scope}: the call needs ${needed}`);
}

/** Refuses a model that a principal's patterns do not name. */
export function mayOrder({ models }: Principal, model: string): void {
  if (models === undefined || models.some((pattern) => toRegExp(pattern).test(model))) return;
  throw new RefusalError('NotAllowed', `this API key orders ${models.join(', ')} alone, not ${model}`);
}

/** The Workflow ID of a principal's key; nothing that the principal sends can reach beyond its tenant. */
export function workflowIdOf({ tenant }: Principal, key: string): string {
  return tenant === everyTenant ? key : `${tenant}/${key}`;
}

/** The key by which a principal knows one of its Workflow IDs. */
export function keyOfWorkflow(principal: Principal, workflowId: string): string {
  return workflowId.slice(workflowIdOf(principal, '').length);
}

/** Whose a key is, for whoever acts for all tenants; undefined where it is none of a tenant that is known. */
export function tenantOfKey({ tenants = [] }: Principal, key: string): string | undefined {
  return tenants.find((name) => key.startsWith(`${name}/`));
}

/** The name of a principal's budget; names have no slash, and no tenant has a dot. */
export function budgetNameOf({ tenant }: Principal, name: string): string {
  return tenant === everyTenant ? name : `${tenant}.${name}`;
}

/** `*`: anything within a segment; `**`: anything. */
function toRegExp(pattern: string): RegExp {
  const source = pattern.replaceAll('.', '\\.').replaceAll(/\*\*?/g, (stars) => (stars === '**' ? '.*' : '[^/]*'));
  return new RegExp(`^${source}$`);
}
