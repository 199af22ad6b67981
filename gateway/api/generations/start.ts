import { defaultDeadlineMs } from '../../../domain/generation.ts';
import { isModelId } from '../../../domain/request.ts';
import { budgetNameOf, mayOrder, type Principal, workflowIdOf } from '../../access/principal.ts';
import { checkPrice } from '../../catalogue/check-price.ts';
import type { StartGeneration } from '../../contract/start-generation.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { checkInput } from '../../generations/check-input.ts';
import { dedupedNotice } from '../../generations/deduped-key.ts';
import { isPassing } from '../../generations/patiently.ts';
import { startPatiently } from '../../generations/start-patiently.ts';
import { tellStarted } from '../../generations/tell-started.ts';
import { toNoticeHeader } from '../../http/notice-header.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import { sayWaited, waitMsOf, waitSignal } from '../../http/waiting.ts';
import { apiBase, type Call } from '../operation.ts';
import { keyOfOrder } from '../order-key.ts';
import { findGeneration } from './find-generation.ts';
import { isForeignRequest, noSuchRequest } from './foreign-request.ts';
import { generationBody, newState } from './generation-body.ts';

type Starting = Call<unknown, { wait?: string | undefined }, StartGeneration>;

/** Answers as soon as the start is durable, or, if the caller waits, at the end. */
export async function startGeneration(
  parts: GatewayParts,
  stopping: AbortSignal,
  { body, query, request, reply }: Starting,
): Promise<object> {
  const { principal } = request;
  const { key: given, retry: saidRetry, input = {}, budgets, labels, ...options } = body;
  const { model } = options;
  const order = { ...options, ...(budgets && { budgets: budgets.map((name) => budgetNameOf(principal, name)) }) };
  const waitMs = waitMsOf(request, query);
  const named = keyOfOrder(request, given);
  checkModel(model);
  // A takeover is identified by its request id instead of its input, so it is not deduplicated.
  const { dedupeWindowMs } = named.isNewKey && options.requestId === undefined ? principal : {};
  const keyed =
    dedupeWindowMs === undefined
      ? named
      : { key: await parts.dedupedKeys.keyFor({ principal, model, input }, dedupeWindowMs), isNewKey: false };
  const { key } = keyed;
  const retry = dedupeWindowMs === undefined ? saidRetry : 'if-unbilled';
  const workflowId = workflowIdOf(principal, key);
  const startedAt = new Date().toISOString();
  const { runId, attached, notices } = await startPatiently(
    parts,
    principal,
    { input, ...order },
    {
      ...keyed,
      retry,
      labels,
      check: async () => {
        mayOrder(principal, model);
        if (options.requestId !== undefined) await refuseForeign(parts, principal, key, options.requestId);
        return checkBody(parts, body);
      },
    },
  );

  const said = [...(attached && dedupeWindowMs !== undefined ? [dedupedNotice] : []), ...notices];
  if (said.length > 0) reply.header('runcomfy-temporal-notice', toNoticeHeader(said));
  if (attached) reply.header('idempotent-replayed', 'true');
  else
    reply.code(201).header('location', `${parts.originOf(request)}${apiBase}/generations/${encodeURIComponent(key)}`);
  // The state of a new generation is known without asking Temporal.
  const asStarted = () => {
    const deadlineAt = new Date(Date.parse(startedAt) + (order.deadlineMs ?? defaultDeadlineMs)).toISOString();
    const state = newState(model, deadlineAt);
    return generationBody(principal, { key: workflowId, runId, startedAt, ...state, state });
  };
  if (waitMs === undefined && !attached) return asStarted();
  return await tellStarted(parts, { key, unasked: attached ? undefined : asStarted }, async () => {
    if (waitMs === undefined) return generationBody(principal, await findGeneration(parts, workflowId));
    const seen = await untilEnd(parts, workflowId, waitSignal(reply, waitMs, stopping));
    sayWaited(reply, waitMs);
    return generationBody(principal, seen);
  });
}

/** Follows a generation until its end, or until the signal, and returns its last state. */
export async function untilEnd({ watchers, reader }: GatewayParts, workflowId: string, signal: AbortSignal) {
  let last;
  try {
    for await (const seen of watchers.generations.follow(workflowId, signal)) last = seen;
  } catch (error) {
    // If Temporal is away, the last state seen is better than an error.
    if (last === undefined || !isPassing(error)) throw error;
  }
  return last ?? (await reader.read(workflowId, 'whole'));
}

async function refuseForeign(parts: GatewayParts, principal: Principal, key: string, requestId: string): Promise<void> {
  if (!(await isForeignRequest(parts, principal, key, requestId))) return;
  const issues = [{ path: 'body.requestId', message: noSuchRequest }];
  throw new RefusalError('InvalidInput', `requestId: ${noSuchRequest}`, { issues });
}

/** Checks the input of an order; that of a takeover was accepted by RunComfy before. */
async function checkBody({ catalogue }: GatewayParts, body: StartGeneration): Promise<string[]> {
  const { model, input, requestId, maxPriceUsd, budgets } = body;
  if (requestId !== undefined) return [];
  if (input !== undefined) {
    const warnings = await checkInput(catalogue, model, input);
    if (maxPriceUsd !== undefined) {
      const otherwise = 'leave maxPriceUsd out, or name a budget';
      const limit = { name: 'maxPriceUsd', usd: maxPriceUsd, hasBudgets: budgets !== undefined, otherwise };
      await checkPrice(catalogue, { model, input }, limit);
    }
    return warnings;
  }
  const message = 'it is missing: expected a JSON object with the fields of the model';
  throw new RefusalError('InvalidInput', `input: ${message}`, { issues: [{ path: '$', message }] });
}

function checkModel(model: string): void {
  if (isModelId(model)) return;
  const message = 'expected a model id of 2 to 5 segments of letters, digits, ".", "_" and "-"';
  throw new RefusalError('InvalidInput', `model: ${message}`, { issues: [{ path: 'body.model', message }] });
}
