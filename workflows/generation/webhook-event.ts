import { workflowInfo } from '@temporalio/workflow';
import type { FailureState, GenerationResult } from '../../domain/generation.ts';
import { isJsonObject, jsonBytes, withoutUndefined } from '../../domain/json.ts';
import { tenantMemoKey } from '../../domain/names.ts';
import type { WebhookEvent } from '../../domain/webhook/webhook-target.ts';
import type { WebhookBody, WebhookFailure } from '../../domain/webhook/webhook.ts';
import type { Generation } from './memory.ts';

/** Largest body, in bytes: a receiver that accepts 256 KiB accepts every event. */
const maxBodyBytes = 256 * 1024;

/** What a receiver is told: where the generation stands, and its result or failure; nothing of its input. */
export function webhookBody(generation: Generation, type: WebhookEvent, result?: GenerationResult): WebhookBody {
  const { state } = generation;
  const { key, tenant } = placeOf(generation);
  const { workflowId, runId } = workflowInfo();
  const told = {
    key,
    tenant,
    runId,
    model: state.model,
    phase: state.phase,
    submission: state.submission,
    requestId: state.requestId,
    costUsd: state.costUsd ?? result?.costUsd,
    result: result && resultTold(result, tenant),
    failure: state.failure && failureTold(state.failure, { workflowId, key, tenant }),
    cancel: state.cancel,
  };
  const body = { type, timestamp: new Date().toISOString(), data: withoutUndefined(told) };
  if (jsonBytes(body) <= maxBodyBytes) return body;
  const { result: _result, failure: _failure, ...rest } = body.data;
  const leftOut = (['result', 'failure'] as const).filter((name) => body.data[name] !== undefined);
  return { ...body, data: { ...rest, leftOut } };
}

/** The key as its tenant knows it. The tenant's name in the memo counts only if the Workflow ID begins with it. */
function placeOf({ facts }: Generation): { key: string; tenant: string | undefined } {
  const { memo } = workflowInfo();
  const tenant = isJsonObject(memo) ? memo[tenantMemoKey] : undefined;
  if (typeof tenant !== 'string' || !facts.key.startsWith(`${tenant}/`)) return { key: facts.key, tenant: undefined };
  return { key: facts.key.slice(tenant.length + 1), tenant };
}

function resultTold(result: GenerationResult, tenant: string | undefined): GenerationResult {
  const budgets = result.budgets?.map((name) => budgetTold(name, tenant));
  return { ...result, ...(budgets && { budgets }) };
}

/** A budget's name as its tenant knows it: without the tenant's own name and a dot in front. */
function budgetTold(name: string, tenant: string | undefined): string {
  return tenant !== undefined && name.startsWith(`${tenant}.`) ? name.slice(tenant.length + 1) : name;
}

/**
 * A failure for the receiver. Its details are an allow-list, since RunComfy's raw replies and the issues of an input
 * may echo that input.
 */
function failureTold(
  { type, message, details }: FailureState,
  { workflowId, key, tenant }: { workflowId: string; key: string; tenant: string | undefined },
): WebhookFailure {
  const ofBudgets = tenant === undefined ? '' : `${tenant}.`;
  const { submission, httpStatus, vendorCode, vendorMessage, otherRequestIds, otherCostUsd, otherCostsUnknown } =
    details;
  const { reason, priceUsd, limitUsd, budget, availableUsd } = details;
  return {
    type,
    message: message.replaceAll(workflowId, () => key).replaceAll(`budget "${ofBudgets}`, () => 'budget "'),
    details: withoutUndefined({
      submission,
      httpStatus,
      vendorCode,
      vendorMessage,
      otherRequestIds,
      otherCostUsd,
      otherCostsUnknown,
      reason,
      priceUsd,
      limitUsd,
      budget: budget === undefined ? undefined : budgetTold(budget, tenant),
      availableUsd,
    }),
  };
}
