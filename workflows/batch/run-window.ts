import { ActivityFailure, CancellationScope, isCancellation, patched, workflowInfo } from '@temporalio/workflow';
import type { Precedence, WindowAnswer, WindowQuestion } from '../../domain/batch/batch-activities.ts';
import { countOfStatus, failuresInARowAfter, withFailure } from '../../domain/batch/batch-line.ts';
import { pagesFor } from '../../domain/batch/batch-page.ts';
import { mostStartedBy } from '../../domain/batch/batch-window.ts';
import { batchDefaults, batchLimits } from '../../domain/batch/batch.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { windowActivity } from '../activity-options.ts';
import { pauseIfGivenUp } from '../given-up.ts';
import { labelsOfRun } from '../labels.ts';
import { areLinesInTheWay, isLetGo, writeLines } from './cancellation.ts';
import { type Batch, nextInDoubt, totalOf, waitingOf } from './memory.ts';
import { show, showNews } from './visibility.ts';

const lastsMs = 20_000;
/**
 * Duration of the first window after a start or a message, in milliseconds: it returns soon, so that the effect can be
 * seen.
 */
const firstLastsMs = 3_000;
/** Time that orders which are let go have to end as their cancel says, in milliseconds. */
const letGoAfterMs = 2_000;
const windowsCounted = 10;

/** Whether anything new may be started. */
export function mayStart({ data }: Batch): boolean {
  return data.paused === undefined && data.cancel === undefined;
}

/**
 * Whether to look for orders that a lost window may have started and nobody follows: a pause may last, and those orders
 * run, and cost, meanwhile.
 */
export function isLookUpDue(batch: Batch): boolean {
  return batch.lookAgainAt <= Date.now() && isLookUpWanted(batch);
}

/** Milliseconds until that look-up is due; undefined if it is due now, or there is nothing to look for. */
export function lookUpDueInMs(batch: Batch): number | undefined {
  const ms = batch.lookAgainAt - Date.now();
  return ms > 0 && isLookUpWanted(batch) ? ms : undefined;
}

function isLookUpWanted({ data }: Batch): boolean {
  return data.isInDoubt === true && data.paused !== undefined && !data.cancel && nextInDoubt(data).length > 0;
}

/** Runs one window. Items that have ended in it are counted, and their lines kept until a page is full. */
export async function runWindow(batch: Batch): Promise<void> {
  if (areLinesInTheWay(batch)) {
    await writeLines(batch);
    return;
  }
  const { data } = batch;
  const question = questionOf(batch);
  batch.isStarving = question.mayStart && waitingOf(data) < data.window;
  const reachBefore = data.reach;
  if (question.mayStart) data.reach = Math.max(reachBefore, data.cursor + mostStartedBy(data.window));
  const scope = new CancellationScope({ cancellable: true, parent: CancellationScope.current() });
  batch.windowsSinceNews += 1;
  batch.isResumed = false;
  batch.interrupt = () => {
    batch.windowsSinceNews = 0;
    scope.cancel();
  };
  let answer: WindowAnswer;
  try {
    answer = await scope.run(() => windowActivity.runWindow(question));
    batch.windowsGivenUp = 0;
  } catch (error) {
    // The window was called back before a worker had it, between two attempts, or when its worker was gone and could
    // not answer any more; or it was given up. The next window finds what it had started.
    if (!isCancellation(error) && !isLostToCancel(error)) {
      await pauseIfGivenUp(error, batch.windowsGivenUp, scope);
      batch.windowsGivenUp += 1;
    }
    if (question.mayStart) doubt(batch);
    return;
  } finally {
    batch.interrupt = undefined;
    batch.isStarving = false;
  }
  take(batch, question, answer);
  // The window reports everything that it has started itself. It need not know what an earlier window had started and
  // could not report.
  if (answer.isFirstAttempt) data.reach = Math.max(reachBefore, data.cursor);
  noteDoubts(batch, question, answer);
  batch.isStale = true;
  showNews(batch);
  show(batch);
}

function noteDoubts(batch: Batch, { mayStart, doubtful }: WindowQuestion, answer: WindowAnswer): void {
  const { data } = batch;
  if (mayStart && !answer.isFirstAttempt) doubt(batch);
  // Items that were given back go first: if none is left, a window that has come this far has started all of them
  // again.
  const isOvertaken = mayStart && data.givenBack.length === 0 && data.cursor >= Math.min(data.reach, totalOf(data));
  if (isOvertaken) delete data.isInDoubt;
  else if (doubtful && hasLooked(batch, answer)) noteLook(batch, doubtful);
}

function noteLook({ data }: Batch, looked: readonly number[]): void {
  const { lookedTo } = data;
  if (lookedTo !== undefined) data.lookedTo = (looked.at(-1) ?? lookedTo) + 1;
  const isAnyLeft = lookedTo !== undefined && (data.lookedTo ?? 0) < Math.min(data.reach, totalOf(data));
  if (!isAnyLeft) delete data.isInDoubt;
}

/**
 * Whether the window has looked for the doubtful items. A worker of an earlier version does not; sooner or later
 * another one takes the window.
 */
function hasLooked(batch: Batch, { isInDoubt }: WindowAnswer): boolean {
  if (isInDoubt !== undefined) return !isInDoubt;
  if (!patched('look-ups-are-told')) return true;
  batch.lookAgainAt = Date.now() + lastsMs;
  return false;
}

function doubt({ data }: Batch): void {
  if (!patched('lost-windows-are-looked-for')) return;
  data.isInDoubt = true;
  if (data.lookedTo !== undefined) data.lookedTo = 0;
}

/** Whether an attempt failed, or was lost with its worker, after it was asked to stop: it is then not repeated. */
function isLostToCancel(error: unknown): boolean {
  return error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED';
}

function questionOf(batch: Batch): WindowQuestion {
  const { data, key, firstRunId, request, windowsSinceNews } = batch;
  const starts = data.paused === undefined && data.cancel === undefined;
  const reach = starts ? data.cursor + mostStartedBy(data.window) : data.cursor;
  const doubtful = isLookUpDue(batch) ? nextInDoubt(data) : undefined;
  const indices = [...data.open.map(({ index }) => index), ...(doubtful ?? data.givenBack)];
  return {
    key,
    firstRunId,
    defaults: request.defaults ?? {},
    ...withoutUndefined({
      plan: request.plan,
      budgets: request.budgets,
      labels: labelsOfRun(),
      paid: data.paid,
      presumedPaid: data.presumedPaid,
      doubtful,
      maxCost: data.maxCost,
      isLetGo: isLetGo(data) || undefined,
    }),
    priority: precedence(),
    pages: pagesFor(data.pages, indices, { first: data.cursor, end: reach }),
    total: totalOf(data),
    open: data.open,
    givenBack: data.givenBack,
    cursor: data.cursor,
    window: data.window,
    mayStart: starts,
    failuresInARow: data.failuresInARow,
    pauseAfterFailures: request.pauseAfterFailures ?? batchDefaults.pauseAfterFailures,
    spent: data.spent + data.presumed,
    lastsMs: isLetGo(data) ? letGoAfterMs : Math.min(lastsMs, firstLastsMs * 2 ** windowsSinceNews),
    write: fullPagesOf(data),
  };
}

/** The workflow's priority: servers do not tell an activity what it inherits. */
function precedence(): Precedence {
  const { priorityKey, fairnessKey, fairnessWeight } = workflowInfo().priority ?? {};
  return withoutUndefined({
    priorityKey: priorityKey || undefined,
    fairnessKey: fairnessKey || undefined,
    fairnessWeight: fairnessWeight || undefined,
  });
}

function fullPagesOf({ lines, linePage }: Batch['data']): WindowQuestion['write'] {
  const { pageLines } = batchLimits;
  return Array.from({ length: Math.floor(lines.length / pageLines) }, (_, at) => ({
    page: linePage + at,
    lines: lines.slice(at * pageLines, (at + 1) * pageLines),
  }));
}

function take(batch: Batch, { write }: WindowQuestion, answer: WindowAnswer): void {
  const { data } = batch;
  // The person who resumed the batch knew of the wall and of the failures, so none of them pauses it again.
  const isOfThePast = batch.isResumed && patched('resume-forgets-what-was-before');
  data.lines = data.lines.slice(write.length * batchLimits.pageLines);
  data.linePage += write.length;
  data.open = answer.open;
  data.givenBack = answer.givenBack;
  data.cursor = answer.cursor;
  if (answer.paid) data.paid = answer.paid;
  else delete data.paid;
  if (answer.presumedPaid) data.presumedPaid = answer.presumedPaid;
  else delete data.presumedPaid;
  const { paidMore = 0, presumedMore = 0 } = answer;
  data.spent += paidMore - presumedMore;
  data.presumed += presumedMore;
  for (const { line, cost, presumed, known = 0, unpriced } of answer.ended) {
    data.lines.push(line);
    data.ended[countOfStatus(line.status)] += 1;
    data.spent += presumed ? known : cost;
    if (presumed) data.presumed += cost - known;
    if (unpriced) data.unpriced += 1;
    if (!isOfThePast) data.failuresInARow = failuresInARowAfter(data.failuresInARow, line);
    if (line.status !== 'cancelled') data.failures = withFailure(data.failures, line);
  }
  data.recent = [...data.recent, { at: Date.now(), ended: answer.ended.length }].slice(-windowsCounted);
  const isIdle = !data.sealed && data.open.length === 0 && waitingOf(data) === 0;
  if (isIdle && patched('batches-are-open-from-their-last-end')) data.addedAt = Date.now();
  if (answer.stop && !isOfThePast && !data.paused && !data.cancel)
    data.paused = { ...answer.stop, since: new Date().toISOString() };
}
