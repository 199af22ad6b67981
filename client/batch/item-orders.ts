import { ApplicationFailure, type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import type { BatchLineError } from '../../domain/batch/batch.ts';
import type { FailedItem, ItemStart, OrderPlace } from '../../domain/batch/item-order.ts';
import { billOf, isStopped } from '../../domain/budget/settlement.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import { isFailureType } from '../../domain/failure-type.ts';
import type { GenerationRequest } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { labelMemo } from '../../domain/labels.ts';
import { batchItemMemoKey, retryOfRunMemoKey } from '../../domain/names.ts';
import { unlessAborted } from '../await-end.ts';
import { toClientError, withClientErrors } from '../convert-errors.ts';
import { type GenerationError, isGenerationError } from '../errors.ts';
import { awaitResult } from '../generation/following/await-result.ts';
import type { GenerationHandle } from '../generation/generation-handle.ts';
import { readOriginalRequest } from '../generation/original-request.ts';
import { describeKnown, describeRun, type FoundRun, isClosed } from '../generation/run-info.ts';
import { checkRequest } from '../generation/starting/check-request.ts';
import { compareRequests, refuseOtherType } from '../generation/starting/compare-requests.ts';
import { assessLastRun } from '../generation/starting/last-run.ts';
import { startUnlessClosed } from '../generation/starting/start-generation.ts';
import { foundAs, type ItemOrders, lostItem, madeBy, refusedItem } from './item-marks.ts';

/** What is needed to order items. */
export interface ItemOrderPlace {
  client: Client;
  taskQueue: string;
  modelApiBase?: string | undefined;
  generations: { get: (key: string) => Promise<GenerationHandle> };
}

/** Orders items that are generations, and follows, cancels and finds those orders. */
export function createItemOrders(place: ItemOrderPlace): ItemOrders<Partial<GenerationRequest>> {
  const { client, generations } = place;
  return {
    start: (order, item) => withClientErrors(item.key, () => startItem(place, order, item)),
    async follow(key, signal) {
      try {
        const result = await unlessAborted(client, signal, () => awaitResult(client, { key, runId: '' }, { signal }));
        return { result: { ...result, ...billOf(result) } };
      } catch (error) {
        signal.throwIfAborted();
        if (isGenerationError(error) && error.cause instanceof WorkflowFailedError)
          return { failure: toFailure(error) };
        if (error instanceof WorkflowNotFoundError) return lostItem(key);
        throw toClientError(error, key);
      }
    },
    async cancel(key, reason, timeoutMs) {
      try {
        const generation = await generations.get(key);
        // A worker that was lost may have sent this cancel before, and the generation may have ended by it.
        return (await generation.cancel(reason, { timeoutMs, isRepeated: true })).outcome;
      } catch {
        return 'unknown';
      }
    },
    closedAt: (key) => withClientErrors(key, async () => (await describeKnown(client, key))?.closedAt),
    wasStarted: (key, mark, order) =>
      withClientErrors(key, async () => {
        const run = await describeKnown(client, key);
        const made = run !== undefined && (await madeBy(client, key, mark));
        if (!made) return false;
        if (made === 'before' && order && !(await isSameOrder(client, run, order))) return false;
        return isClosed(run) && (await assessLastRun(client, key, run.runId)).isUnbilled ? false : made;
      }),
  };
}

async function startItem(
  { client, taskQueue, modelApiBase }: ItemOrderPlace,
  draft: Partial<GenerationRequest>,
  { key, mark, again, priority, labels }: OrderPlace,
): Promise<ItemStart> {
  try {
    const { order } = checkRequest(draft as GenerationRequest, key, { modelApiBase });
    const own = { priority, memo: { ...labelMemo(labels), [batchItemMemoKey]: mark } };
    const first = await startUnlessClosed(client, key, taskQueue, order, {
      ...own,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    });
    if (first?.isNew) return { isStarted: true };
    const last = await describeRun(client, key);
    refuseOtherType(key, last.workflowType);
    if (again && isClosed(last) && (await assessLastRun(client, key, last.runId)).isUnbilled) {
      await startUnlessClosed(client, key, taskQueue, order, {
        ...own,
        memo: { ...own.memo, [retryOfRunMemoKey]: last.runId },
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      });
      // Another item of the batch may have started it first.
      return await foundAs(client, key, mark);
    }
    compareRequests(key, await readOriginalRequest(client, key, last.runId), order);
    return await foundAs(client, key, mark);
  } catch (error) {
    return refusedItem(error);
  }
}

async function isSameOrder(client: Client, { key, runId }: FoundRun, draft: Partial<GenerationRequest>) {
  const made = await readOriginalRequest(client, key, runId);
  try {
    compareRequests(key, made, checkRequest(draft as GenerationRequest, key, { isLookedFor: true }).order);
    return true;
  } catch {
    return false;
  }
}

function toFailure({
  type,
  message,
  submission,
  issues,
  requestId,
  details,
  cause,
}: GenerationError): FailedItem['failure'] {
  const { cancel, evidence, priceUsd } = details ?? {};
  const error: BatchLineError = {
    type: isFailureType(type) ? type : 'GenerationFailed',
    message,
    submission: submission ?? 'unknown',
    ...withoutUndefined({ issues, cancel: cancel?.outcome, evidence }),
  };
  const isOurs = cause instanceof WorkflowFailedError && cause.cause instanceof ApplicationFailure;
  const isOfBudget = isOurs && isUnbilled(error.submission);
  const budget = isOfBudget ? details?.budget : undefined;
  // If a run was ended from outside, nobody can say what was under way.
  const said = isOurs || error.submission === 'accepted' ? error : { ...error, submission: 'unknown' as const };
  // Only the generation's own report proves that it was stopped without a cancel from here: one that was terminated in
  // Temporal looks the same.
  const isTold = error.submission === 'accepted' && (isOurs || cancel !== undefined);
  const wasStopped = isTold && isStopped({ phase: details?.phase, cancel });
  return {
    error: said,
    ...withoutUndefined({ requestId, priceUsd, budget }),
    ...billOf({ ...details, isStopped: wasStopped }),
    ...((wasStopped || error.cancel === 'not_submitted') && { isFree: true as const }),
  };
}
