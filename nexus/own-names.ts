import type { Client } from '@temporalio/client';
import { GenerationError } from '../client/index.ts';
import { isRequestOfOthers } from '../client/operator/index.ts';
import type { InputIssue } from '../domain/generation.ts';
import { issuesSentence } from '../domain/issues.ts';
import { isJsonObject } from '../domain/json.ts';
import { isRequestId } from '../domain/request.ts';
import { isSecretName } from '../domain/webhook/webhook-request.ts';

/**
 * Limits the names in a request to those of the caller's tenant, as the gateway does: budget `x` becomes `<tenant>.x`,
 * and only the tenant's own webhook secrets are allowed. Malformed fields are left to the client's checks.
 */
export function withOwnNames<Request extends object>(
  tenant: string | undefined,
  key: string,
  request: Request,
): Request {
  if (tenant === undefined) return request;
  const { budgets, webhook } = request as { budgets?: unknown; webhook?: unknown };
  const secret = isJsonObject(webhook) ? webhook['secret'] : undefined;
  if (isSecretName(secret) && secret !== tenant && !secret.startsWith(`${tenant}.`)) {
    throw refuse(key, {
      path: 'request.webhook.secret',
      message: `no secrets of yours are named "${secret}": yours are "${tenant}" and those that begin with "${tenant}."`,
    });
  }
  if (!Array.isArray(budgets)) return request;
  const own = budgets.map((name: unknown) => (typeof name === 'string' ? `${tenant}.${name}` : name));
  return { ...request, budgets: own };
}

/**
 * Refuses to take over a request that only others have, according to the visibility index: the caller would get their
 * output, and could cancel it.
 */
export async function refuseForeign(
  client: Client,
  keyPrefix: string,
  key: string,
  request: { requestId?: unknown },
): Promise<void> {
  const { requestId } = request;
  if (keyPrefix === '' || !isRequestId(requestId)) return;
  if (!(await isRequestOfOthers(client, requestId, { key, keyPrefix }))) return;
  throw refuse(key, { path: 'request.requestId', message: 'there is no such request' });
}

function refuse(key: string, issue: InputIssue): GenerationError {
  const message = `nothing was started: ${issuesSentence([issue])}`;
  return new GenerationError({ type: 'InvalidInput', message, key, submission: 'not_sent', issues: [issue] });
}
