import { type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import type { BatchLineError } from '../../domain/batch/batch.ts';
import {
  hasBills,
  type ItemEnd,
  type ItemFailure,
  type ItemFigures,
  type PaidBefore,
  withPaid,
} from '../../domain/batch/item-end.ts';
import type { ItemMark, ItemStart, OrderPlace } from '../../domain/batch/item-order.ts';
import { toNearestMicro } from '../../domain/budget/money.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import { isFailureType, isWall } from '../../domain/failure-type.ts';
import { isSameJson, withoutUndefined } from '../../domain/json.ts';
import { labelMemo } from '../../domain/labels.ts';
import { batchItemMemoKey, pipelineWorkflowType } from '../../domain/names.ts';
import type { PipelineRequest, PipelineResult, StepFailure } from '../../domain/pipeline/pipeline-run.ts';
import { pipelineTaskTimeoutMs } from '../../domain/pipeline/pipeline.ts';
import { awaitEnd, unlessAborted } from '../await-end.ts';
import { toClientError, withClientErrors } from '../convert-errors.ts';
import { GenerationError, isGenerationError } from '../errors.ts';
import { readOriginalRequest } from '../generation/original-request.ts';
import { describeKnown, describeRun, type FoundRun, isClosed } from '../generation/run-info.ts';
import { startUnlessEnded } from '../generation/starting/start-workflow.ts';
import { cancelPipeline } from '../pipeline/decide.ts';
import { refuseNoPipeline, toPipelineError } from '../pipeline/pipeline-errors.ts';
import { foundAs, type ItemOrders, lostItem, madeBy, readMark, refusedItem } from './item-marks.ts';
import { figuresOf, worstOf } from './pipeline-figures.ts';

interface Place {
  client: Client;
  taskQueue: string;
}

/** Orders items that are pipelines, and follows, cancels and finds those orders. */
export function createPipelineItemOrders(place: Place): ItemOrders<PipelineRequest> {
  const { client } = place;
  return {
    start: (request, item) => withClientErrors(item.key, () => startItem(place, request, item)),
    follow: (key, signal) => followItem(client, key, signal),
    async cancel(key, reason, timeoutMs) {
      try {
        const message = withoutUndefined({ reason });
        // A worker that was lost may have sent this cancel before, and the pipeline may have ended by it.
        return (await cancelPipeline(client, key, message, { timeoutMs, isRepeated: true })).outcome;
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
        if (!isClosed(run)) return made;
        const end = await endOf(client, key);
        return mayRunAgain(end) && !hasBills(figuresIn(end)) ? false : made;
      }),
  };
}

/**
 * Starts the pipeline, or finds the existing one. A pipeline that ended at a wall is run again and reuses the results
 * it has.
 */
async function startItem(
  { client, taskQueue }: Place,
  request: PipelineRequest,
  { key, mark, again, before: paid, priority, labels }: OrderPlace,
): Promise<ItemStart> {
  const start = (workflowIdReusePolicy: 'REJECT_DUPLICATE' | 'ALLOW_DUPLICATE', told: ItemMark & PaidBefore) =>
    startUnlessEnded(client, pipelineWorkflowType, {
      taskQueue,
      workflowId: key,
      workflowTaskTimeout: pipelineTaskTimeoutMs,
      args: [request],
      priority,
      memo: { ...labelMemo(labels), [batchItemMemoKey]: told },
      workflowIdReusePolicy,
    });
  try {
    if ((await start('REJECT_DUPLICATE', { ...mark, ...paid }))?.isNew) return { isStarted: true };
    const last = await describeRun(client, key);
    refuseNoPipeline(key, last.workflowType);
    if (!(await isSameOrder(client, last, request))) {
      const message = `key "${key}" is in use by a pipeline of another plan or other params`;
      throw new GenerationError({ type: 'KeyInUse', message, key });
    }
    if (again && isClosed(last)) {
      const end = await endOf(client, key);
      if (mayRunAgain(end)) {
        const { run, index } = (await readMark(client, key)) ?? mark;
        // The item that has counted its cost so far keeps counting, whichever item with this key runs it again.
        const counting = run === mark.run ? { run, index } : mark;
        await start('ALLOW_DUPLICATE', { ...counting, ...paidIn(withPaid(end, paid ?? {})) });
      }
    }
    return await foundAs(client, key, mark);
  } catch (error) {
    return refusedItem(error);
  }
}

async function isSameOrder(client: Client, { key, runId }: FoundRun, { plan, params }: PipelineRequest) {
  const before: Partial<PipelineRequest> | undefined = (await readOriginalRequest(client, key, runId))?.request;
  return (
    before === undefined || (isSameJson(before.plan ?? null, plan) && isSameJson(before.params ?? {}, params ?? {}))
  );
}

async function followItem(client: Client, key: string, signal: AbortSignal): Promise<ItemEnd> {
  try {
    const result = await unlessAborted(client, signal, () => awaitPipeline(client, key, signal));
    return toEnd(result, await readMark(client, key));
  } catch (error) {
    signal.throwIfAborted();
    if (isGenerationError(error) && error.cause instanceof WorkflowFailedError)
      return { failure: toFailure(error, await readMark(client, key)) };
    if (error instanceof WorkflowNotFoundError) return lostItem(key);
    throw toClientError(error, key);
  }
}

function awaitPipeline(client: Client, key: string, signal?: AbortSignal): Promise<PipelineResult> {
  const explain = (error: WorkflowFailedError) => Promise.resolve(toPipelineError(error, key));
  return awaitEnd<PipelineResult>(client, { key, runId: '' }, signal ? { signal } : {}, explain);
}

/** How a closed pipeline ended. */
async function endOf(client: Client, key: string): Promise<ItemEnd> {
  const mark = await readMark(client, key);
  try {
    return toEnd(await awaitPipeline(client, key), mark);
  } catch (error) {
    if (isGenerationError(error) && error.cause instanceof WorkflowFailedError)
      return { failure: toFailure(error, mark) };
    throw error;
  }
}

/** Whether a pipeline may be run again: only if it ended at a wall, as any other run could be billed again. */
function mayRunAgain(end: ItemEnd): boolean {
  if ('result' in end) return false;
  const { error, budget } = end.failure;
  return isUnbilled(error.submission) && isWall(error.type, budget);
}

function figuresIn(end: ItemEnd) {
  return 'result' in end ? end.result : end.failure;
}

function paidIn(end: ItemEnd): PaidBefore {
  const { costUsd = 0, presumedUsd = 0, isCostPartial } = figuresIn(end);
  const paid = toNearestMicro(costUsd + presumedUsd);
  const presumedPaid = toNearestMicro(presumedUsd);
  return {
    ...(paid > 0 && { paid }),
    ...(presumedPaid > 0 && { presumedPaid }),
    ...(isCostPartial && { isPartial: true }),
  };
}

type Figures = Parameters<typeof figuresOf>[0];
type Mark = Awaited<ReturnType<typeof readMark>>;

/** The cost of a run, plus that of the runs before it according to its mark. */
function figuresWith(told: Figures, mark: Mark): ItemFigures {
  return { ...figuresOf(told, mark), ...(mark === undefined && { isByHand: true }) };
}

/**
 * The end of a pipeline. If a step that was allowed to fail met a wall, the pipeline counts as ended at that wall
 * instead of as succeeded.
 */
function toEnd(ended: PipelineResult, mark: Mark): ItemEnd {
  const { phase, outputs, steps } = ended;
  const failed = Object.entries(steps).filter(([, { failure }]) => failure !== undefined);
  const figures = figuresWith(ended, mark);
  const [id, wall] =
    failed.find(([, step]) => isWall(step.failure?.type, step.failure?.budget) && isUnbilled(step.submission)) ?? [];
  if (id !== undefined && wall?.failure) {
    const { type, message, budget } = wall.failure;
    const error: BatchLineError = {
      type: failureTypeOf(type),
      message: `step ${id} failed: ${message}`,
      submission: 'not_sent',
    };
    return { failure: { error, ...figures, ...withoutUndefined({ budget }) } };
  }
  if (phase === 'succeeded') return { result: { outputs, ...figures } };
  const told = failed.map(
    ([step, { failure }]) => `step ${step} failed: ${failure?.type ?? ''}: ${failure?.message ?? ''}`,
  );
  const error: BatchLineError = { type: 'PipelineFailed', message: told.join('; ') || 'not all steps succeeded' };
  return { result: { outputs, ...figures, error } };
}

function toFailure({ type, message, submission, issues, pipeline, cause }: GenerationError, mark: Mark): ItemFailure {
  const { failure, steps = {}, costUsd = 0, presumedUsd, unpriced, cancel } = pipeline ?? {};
  const told = { steps, costUsd, ...withoutUndefined({ presumedUsd, unpriced }) };
  const figures = figuresWith(told, mark);
  if (failure && isWall(failure.type, failure.budget) && isUnbilled(failure.submission)) {
    const error: BatchLineError = { type: failureTypeOf(failure.type), message, submission: failure.submission };
    return { error, ...figures, ...withoutUndefined({ budget: failure.budget }) };
  }
  // If a run was ended from outside, nobody can say what was under way.
  const isOurs = pipeline !== undefined && cause instanceof WorkflowFailedError;
  const isUnsent = isOurs && type === 'InvalidInput';
  const error: BatchLineError = {
    type: isFailureType(type) ? type : 'PipelineFailed',
    message,
    submission: isUnsent ? 'not_sent' : isOurs ? worstOf(steps, submission) : 'unknown',
    ...withoutUndefined({ issues, cancel: cancel?.outcome }),
  };
  return { error, ...figures, ...(!isOurs && { isCostPartial: true as const }) };
}

function failureTypeOf(type: StepFailure['type']): BatchLineError['type'] {
  return isFailureType(type) ? type : 'PipelineFailed';
}
