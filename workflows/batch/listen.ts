import { ApplicationFailure, CancellationScope, patched, setHandler } from '@temporalio/workflow';
import { checkWindow } from '../../domain/batch/batch-request.ts';
import type { BatchPauseMessage, BatchSetMessage } from '../../domain/batch/batch.ts';
import { toMicro, toUsd } from '../../domain/budget/money.ts';
import { createIssueList, issuesSentence } from '../../domain/issues.ts';
import { isJsonObject } from '../../domain/json.ts';
import { checkType, describe, isMissing, isUsd, refuseUnknown } from '../../domain/request-checks.ts';
import { cutText } from '../../domain/text.ts';
import { checkCancel, readCancel } from '../cancel-message.ts';
import { addItems, checkAdd } from './adding.ts';
import { cancelBatch } from './cancellation.ts';
import { type Batch, totalOf } from './memory.ts';
import {
  addUpdate,
  batchCancelSignal,
  batchCancelUpdate,
  batchResultsQuery,
  batchStateQuery,
  pauseSignal,
  pauseUpdate,
  resumeSignal,
  resumeUpdate,
  sealUpdate,
  setUpdate,
} from './messages.ts';
import { phaseOf, showNews, tellResults, tellState } from './visibility.ts';

/**
 * Registers the handlers. Anyone may send messages: payloads may be absent or junk, and no handler may throw for that.
 */
export function listen(batch: Batch): void {
  setHandler(batchStateQuery, () => tellState(batch));
  setHandler(batchResultsQuery, (question) => tellResults(batch, question));
  setHandler(addUpdate, (message) => CancellationScope.nonCancellable(() => addItems(batch, message)), {
    validator: (message: unknown) => {
      checkAdd(batch, message);
    },
  });
  setHandler(sealUpdate, () => {
    batch.data.sealed = true;
    return { count: totalOf(batch.data) };
  });
  setHandler(pauseSignal, (payload) => {
    pause(batch, payload);
  });
  setHandler(pauseUpdate, (payload) => {
    pause(batch, payload);
    return { phase: phaseOf(batch) };
  });
  setHandler(resumeSignal, () => {
    resume(batch);
  });
  setHandler(resumeUpdate, () => {
    resume(batch);
    return { phase: phaseOf(batch) };
  });
  setHandler(setUpdate, (message) => change(batch, message), { validator: checkSet });
  setHandler(batchCancelSignal, async (payload) => {
    await CancellationScope.nonCancellable(() => cancelBatch(batch, readCancel(payload)));
  });
  setHandler(
    batchCancelUpdate,
    (payload) => CancellationScope.nonCancellable(() => cancelBatch(batch, readCancel(payload))),
    { validator: checkCancel },
  );
  CancellationScope.current().cancelRequested.catch(() => {
    batch.isWorkflowCancelled = true;
    void CancellationScope.nonCancellable(() => cancelBatch(batch, { detach: true }));
  });
}

/** Pauses the batch. A person's pause takes precedence over one that the batch made itself. */
function pause(batch: Batch, payload: BatchPauseMessage | undefined): void {
  const { data, hasEnded } = batch;
  if (hasEnded || data.cancel || data.paused?.reason === 'user') return;
  const given: unknown = isJsonObject(payload) ? payload['reason'] : undefined;
  const since = new Date().toISOString();
  data.paused = { reason: 'user', ...(typeof given === 'string' && { message: cutText(given, 1_000) }), since };
  showNews(batch);
  batch.interrupt?.();
}

function resume(batch: Batch): void {
  const { data, hasEnded } = batch;
  if (hasEnded || !data.paused) return;
  delete data.paused;
  // Gives as much time again to add items that were forgotten.
  if (data.mayLackItems) data.addedAt = Date.now();
  delete data.mayLackItems;
  data.failuresInARow = 0;
  batch.isResumed = true;
  showNews(batch);
  batch.interrupt?.();
}

function checkSet(payload: unknown): void {
  const issues = createIssueList();
  if (!isJsonObject(payload)) {
    issues.add('$', `expected { window?, maxCostUsd?, noMaxCost? }, got ${describe(payload)}`);
  } else {
    const { window, maxCostUsd, noMaxCost } = payload;
    const refuse = (field: string, message: string) => {
      issues.add(`$.${field}`, message);
    };
    refuseUnknown(refuse, '', payload, ['set', ['window', 'maxCostUsd', 'noMaxCost']]);
    if (!isMissing(window)) checkWindow(window, refuse);
    if (!isMissing(maxCostUsd) && !isUsd(maxCostUsd)) {
      refuse('maxCostUsd', `expected USD above 0 with at most 6 decimals, or null, got ${describe(maxCostUsd)}`);
    }
    checkType('noMaxCost', noMaxCost, 'boolean', refuse);
    if (noMaxCost === true && !isMissing(maxCostUsd)) refuse('noMaxCost', 'expected maxCostUsd or noMaxCost, not both');
  }
  const found = issues.toIssues();
  if (found.length === 0) return;
  const details = [{ issues: found }];
  throw ApplicationFailure.create({
    type: 'InvalidInput',
    message: issuesSentence(found),
    nonRetryable: true,
    details,
  });
}

function change(batch: Batch, message: BatchSetMessage) {
  const { data } = batch;
  const { window, maxCostUsd } = message;
  if (!isMissing(window)) data.window = window;
  if (!isMissing(maxCostUsd)) data.maxCost = toMicro(maxCostUsd);
  else if (isLimitLifted(message)) delete data.maxCost;
  batch.interrupt?.();
  return { window: data.window, maxCostUsd: data.maxCost === undefined ? null : toUsd(data.maxCost) };
}

/** Clients in other languages send null for absent fields: next to other fields, null does not lift the limit. */
function isLimitLifted(message: BatchSetMessage): boolean {
  if (message.noMaxCost === true) return true;
  if (message.maxCostUsd !== null) return false;
  return Object.keys(message).length === 1 || !patched('null-beside-others-lifts-no-limit');
}
