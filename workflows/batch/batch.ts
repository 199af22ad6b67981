import {
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  makeContinueAsNewFunc,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import { boundLines } from '../../domain/batch/batch-line.ts';
import { openForMsOf } from '../../domain/batch/batch-request.ts';
import { batchLimits, type BatchRequest, type BatchResult } from '../../domain/batch/batch.ts';
import { jsonBytes } from '../../domain/json.ts';
import { batchWorkflowType } from '../../domain/names.ts';
import { maxBytesAtOnce } from '../../domain/request.ts';
import { waitForKeyOf } from '../hooks/payload-converter.ts';
import { storeInlineItems } from './adding.ts';
import { carryOutCancel, writeLines } from './cancellation.ts';
import { endPhaseOf, refuseRequest } from './endings.ts';
import { listen } from './listen.ts';
import { isContinueDue } from './long-history.ts';
import { type Batch, type BatchData, openBatch, waitingOf } from './memory.ts';
import { isLookUpDue, lookUpDueInMs, mayStart, runWindow } from './run-window.ts';
import { countsOf, moneyOf, showEnd, showNews } from './visibility.ts';

/**
 * Largest arguments for the next run, in bytes of JSON: Temporal accepts 2 MiB per command, and pages of items and
 * lines together may be more.
 */
const maxCarriedBytes = maxBytesAtOnce - 16 * 1024;

/**
 * Runs many orders as one durable unit, a limited number at a time: exactly one result line for each, however it ends.
 */
export async function runcomfyBatch(request: BatchRequest, carried?: BatchData): Promise<BatchResult> {
  waitForKeyOf(request, carried);
  const batch = openBatch(request, carried);
  // Before any message is handled, so that added items come behind the items of the request.
  const stored =
    batch.data.inline.length > 0 ? CancellationScope.nonCancellable(() => storeInlineItems(batch)) : undefined;
  listen(batch);
  // A cancellation is only recorded: orders in flight must still be asked to stop, and that takes activities.
  return await CancellationScope.nonCancellable(async () => {
    const result = await fulfil(batch, stored);
    if (!allHandlersFinished()) await condition(() => allHandlersFinished(), '2 minutes');
    if (batch.isWorkflowCancelled) throw new CancelledFailure(`batch ${batch.key} was cancelled`);
    return result;
  });
}

async function fulfil(batch: Batch, stored: Promise<void> | undefined): Promise<BatchResult> {
  const { data, issues } = batch;
  if (issues.length > 0) {
    const refused = refuseRequest(batch);
    await markEnd(batch);
    throw refused;
  }
  await stored;
  for (let step = nextStep(batch); step !== 'end'; step = nextStep(batch)) {
    switch (step) {
      case 'cancel':
        await carryOutCancel(batch);
        break;
      case 'window':
        await runWindow(batch);
        break;
      case 'continue':
        await continueAsNew(batch);
        break;
      case 'idle':
        showNews(batch, true);
        await waitForNews(batch);
        batch.windowsSinceNews = 0;
    }
  }
  if (data.lines.length > 0) await writeLines(batch, { isLast: true });
  await markEnd(batch);
  const { key, endedAt = '' } = batch;
  return {
    key,
    phase: endPhaseOf(batch),
    counts: countsOf(batch),
    money: moneyOf(batch),
    failures: data.failures,
    startedAt: data.startedAt,
    endedAt,
    resultPages: data.linePage,
  };
}

type Step = 'cancel' | 'window' | 'continue' | 'idle' | 'end';

function nextStep(batch: Batch): Step {
  const { data, stores } = batch;
  const isCancelDue = data.cancel !== undefined && data.cancel.outcome === undefined;
  // Items that are being stored may still join.
  if (isCancelDue) return stores > 0 ? 'idle' : 'cancel';
  if (isContinueDue(batch)) return allHandlersFinished() && stores === 0 ? 'continue' : 'idle';
  if (data.open.length > 0 || isLookUpDue(batch) || (mayStart(batch) && waitingOf(data) > 0)) return 'window';
  return data.sealed && waitingOf(data) === 0 && stores === 0 && !data.mayLackItems ? 'end' : 'idle';
}

/** Waits until there is something to do. An open batch without work, to which nothing is added, seals itself. */
async function waitForNews(batch: Batch): Promise<void> {
  const { data, request } = batch;
  const isNews = () => nextStep(batch) !== 'idle';
  const againInMs = lookUpDueInMs(batch);
  if (againInMs !== undefined) {
    await condition(isNews, againInMs);
    return;
  }
  if (data.mayLackItems) {
    await condition(() => isNews() || !data.mayLackItems);
    return;
  }
  if (data.sealed) {
    await condition(isNews);
    return;
  }
  const sealAt = data.addedAt + openForMsOf(request);
  if (await condition(isNews, Math.max(1, sealAt - Date.now()))) return;
  if (Date.now() < data.addedAt + openForMsOf(request)) return;
  // A pause may last longer than an idle batch stays open.
  if (waitingOf(data) > 0 && patched('what-waits-holds-batches-open')) {
    await condition(isNews);
    return;
  }
  // Items that are being stored came in time: the worker that stores them may be away for longer than that.
  if (batch.stores > 0 && patched('what-is-being-kept-holds-batches-open')) {
    await condition(() => batch.stores === 0 || isNews());
  } else {
    data.sealed = true;
  }
}

async function continueAsNew(batch: Batch): Promise<void> {
  const { data, request } = batch;
  if (data.lines.length >= batchLimits.pageLines) {
    await writeLines(batch);
    return;
  }
  const { items: _, ...rest } = request;
  const next = makeContinueAsNewFunc<typeof runcomfyBatch>({ workflowType: batchWorkflowType });
  const { runId: handedOnBy } = workflowInfo();
  const bytesOfOthers = jsonBytes(rest) + jsonBytes({ ...data, handedOnBy, lines: [] });
  await next(rest, { ...data, handedOnBy, lines: boundLines(data.lines, maxCarriedBytes - bytesOfOthers) });
}

async function markEnd(batch: Batch): Promise<void> {
  batch.hasEnded = true;
  batch.endedAt = new Date().toISOString();
  await showEnd(batch);
}
