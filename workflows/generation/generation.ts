import { CancellationScope, condition, ContinueAsNew, sleep, TemporalFailure, upsertMemo } from '@temporalio/workflow';
import type { ResultReading, StatusQuestion } from '../../domain/activities.ts';
import type { GenerationRequest, GenerationResult } from '../../domain/generation.ts';
import { timingsOf } from '../../domain/timings.ts';
import type { FinishedWork } from '../../domain/waiting.ts';
import { workMemoKey } from '../../domain/waiting.ts';
import { boundedReads, reads } from '../activity-options.ts';
import { askToCancel, obeyCancel } from './cancellation.ts';
import { continueAsNewIfDue, isQuiet } from './continue-as-new.ts';
import { cancelledEnd, countEnd, endByActivity, endOf, publish } from './ending.ts';
import { listen } from './listen.ts';
import type { CarriedOrder, Order } from './order.ts';
import { interruptible, noteReading, openOrder, pause } from './order.ts';
import { submit } from './submission.ts';

/** One RunComfy generation: submitted once, awaited on durable timers, its result returned, cancelled on request. */
export async function runcomfyGeneration(
  request: GenerationRequest,
  carried?: CarriedOrder,
): Promise<GenerationResult> {
  const order = openOrder(request, carried);
  listen(order);
  // A cancellation of the workflow is one more wish for the main path, which must be able to talk to RunComfy after it.
  return await CancellationScope.nonCancellable(async () => {
    try {
      const result = await fulfil(order);
      await close(order, result);
      return result;
    } catch (error) {
      if (error instanceof TemporalFailure && !(error instanceof ContinueAsNew)) await close(order);
      throw error;
    }
  });
}

async function fulfil(order: Order): Promise<GenerationResult> {
  if (order.issues.length > 0) throw invalidRequest(order);
  startDeadline(order);
  await submit(order);
  for (;;) {
    await pause(order);
    if (order.isCancelDue) await obeyCancel(order);
    if (order.isDeadlinePassed) return await endAtDeadline(order);
    const result = await look(order);
    if (result) return result;
    await continueAsNewIfDue(order);
  }
}

/** Reads the status, and the result once there is one. Undefined: not finished, or something more urgent came in. */
async function look(order: Order, by = reads): Promise<GenerationResult | undefined> {
  const { state } = order;
  const isLastRead = by === boundedReads;
  order.readSince = Date.now();
  order.nextReadInMs = 0;
  order.isNextReadSoon = false;
  try {
    if (state.phase !== 'fetching_result') {
      const before = state.phase;
      const reading = await interruptible(order, () => by.readStatus(statusQuestion(order, isLastRead)));
      delete state.nextReadAt;
      if (!reading) return undefined;
      noteReading(order, reading);
      if (reading.status === 'cancelled') throw stoppedElsewhere(order);
      // The result mostly comes with the next answer, and the phase with it.
      const isOver = reading.status === 'finished' || reading.status === 'failed';
      const isPassing = isOver && reading.isNextReadSoon === true;
      if (state.phase !== before && !isPassing) publish(order);
    }
    if (state.phase !== 'fetching_result') return undefined;
    const result = await interruptible(order, () => by.fetchResult(resultQuestion(order, isLastRead)));
    return result && deliver(order, result);
  } catch (error) {
    throw state.failure ? error : endByActivity(order, error);
  } finally {
    order.readSince = undefined;
    delete state.nextReadAt;
  }
}

function deliver(order: Order, reading: ResultReading): GenerationResult | undefined {
  const { state, seen } = order;
  state.reads += reading.reads;
  state.readAt = reading.readAt;
  switch (reading.status) {
    case 'not_ready':
      order.nextReadInMs = reading.nextReadInMs;
      order.isNextReadSoon = false;
      publish(order);
      return undefined;
    case 'cancelled':
      throw stoppedElsewhere(order);
    case 'failed': {
      const { reason, vendorCode } = reading;
      throw endOf(order, {
        type: 'GenerationFailed',
        phase: 'failed',
        message: `RunComfy ran the generation and it failed: ${reason}`,
        details: { vendorMessage: reason, ...(vendorCode !== undefined && { vendorCode }) },
      });
    }
    case 'succeeded': {
      const { output, createdAt, finishedAt, costUsd } = reading;
      order.isKnownWell = reading.isKnownWell === true;
      const times = { ...(createdAt !== undefined && { createdAt }), ...(finishedAt !== undefined && { finishedAt }) };
      state.phase = 'succeeded';
      return {
        requestId: state.requestId ?? '',
        model: state.model,
        output,
        ...times,
        ...(costUsd !== undefined && { costUsd }),
        timings: timingsOf({ ...seen, ...times, noticedAt: seen.noticedAt ?? reading.readAt }),
        reads: state.reads,
      };
    }
  }
}

/** Asks RunComfy to stop, looks once more, and delivers a result that has just come. */
async function endAtDeadline(order: Order): Promise<GenerationResult> {
  const { state } = order;
  const phase = state.phase;
  order.isDeadlinePassed = false;
  if (phase !== 'fetching_result') {
    const cancel = (state.cancel ??= { requestedAt: new Date().toISOString(), reason: 'deadline' });
    if (cancel.outcome !== 'not_cancellable') cancel.outcome = (await askToCancel(order))?.outcome ?? 'unknown';
  }
  order.isCancelDue = false;
  if (state.cancel?.outcome !== 'cancelled') {
    const result = await look(order, boundedReads).catch((error: unknown) => {
      if (state.failure?.type === 'GenerationFailed' || state.failure?.type === 'GenerationCancelled') throw error;
    });
    if (result) return result;
  }
  throw endOf(order, {
    type: 'GenerationTimedOut',
    phase: 'timed_out',
    message: `the deadline passed while the generation was ${phase.replaceAll('_', ' ')}`,
  });
}

function statusQuestion(order: Order, isLastRead: boolean): StatusQuestion {
  const { state, seen, lastStatus, workKey, request } = order;
  const { submittedAt, startedAt, readAt, queuePosition, nextReadAt } = state;
  return {
    model: state.model,
    requestId: state.requestId ?? '',
    readsSoFar: state.reads,
    ...(submittedAt !== undefined && { submittedAt }),
    ...(submittedAt === undefined && order.followedSince !== undefined && { followedSince: order.followedSince }),
    ...(seen.lastQueuedAt !== undefined && { lastQueuedAt: seen.lastQueuedAt }),
    ...(startedAt !== undefined && { startedAt }),
    ...(lastStatus && { lastStatus }),
    ...(readAt !== undefined && { lastReadAt: readAt }),
    ...(queuePosition !== undefined && { queuePosition }),
    ...(workKey !== undefined && { workKey }),
    ...(request.waiting && { waiting: request.waiting }),
    ...(nextReadAt !== undefined && { nextReadAt }),
    ...(isLastRead && { isLastRead }),
    ...(order.searchAttributes.length === 0 && { wantsSearchAttributes: true }),
  };
}

function resultQuestion(order: Order, isLastRead: boolean) {
  const { state, seen, inputUrls } = order;
  return {
    model: state.model,
    requestId: state.requestId ?? '',
    readsSoFar: state.reads,
    finishedSince: seen.noticedAt ?? new Date().toISOString(),
    seen,
    ...(order.workKey !== undefined && { workKey: order.workKey }),
    ...(isLastRead && { isLastRead }),
    ...(order.lastStatus === 'failed' && { hasFailed: true }),
    ...(inputUrls.length > 0 && { inputUrls }),
  };
}

function stoppedElsewhere(order: Order): Error {
  const { cancel } = order.state;
  if (cancel) cancel.outcome = 'cancelled';
  return cancelledEnd(order, cancel ? 'cancelled; RunComfy stopped the work' : 'cancelled at RunComfy, not from here');
}

function invalidRequest(order: Order): Error {
  const list = order.issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
  const message = `the request cannot be understood, nothing was sent: ${list}`;
  return endOf(order, { type: 'InvalidInput', phase: 'failed', message, details: { issues: order.issues } });
}

function startDeadline(order: Order): void {
  void sleep(Math.max(1, Date.parse(order.state.deadlineAt) - Date.now()), { summary: 'deadline' }).then(() => {
    order.isDeadlinePassed = true;
    order.interrupt?.();
  });
}

/** Answers who still waits, shows the end, and lets side work finish, so that nothing paid stays unknown. */
async function close(order: Order, result?: GenerationResult): Promise<void> {
  const { state } = order;
  order.hasEnded = true;
  delete state.nextReadAt;
  if (order.isCancelDue && state.cancel) state.cancel.outcome ??= 'too_late';
  order.isCancelDue = false;
  publish(order, { ...(result?.costUsd !== undefined && { costUsd: result.costUsd }), ...result?.timings });
  if (result && order.workKey !== undefined && !order.isKnownWell) {
    const { totalMs, queueMs, runMs } = result.timings;
    const work = { workKey: order.workKey, model: state.model, totalMs, queueMs, runMs };
    upsertMemo({ [workMemoKey]: work satisfies Record<keyof FinishedWork, unknown> });
  }
  countEnd(order, result);
  if (!isQuiet(order)) await condition(() => isQuiet(order), '2 minutes');
}
