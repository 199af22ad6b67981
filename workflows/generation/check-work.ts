import { log, patched } from '@temporalio/workflow';
import type { ResultQuestion, ResultReading, StatusQuestion } from '../../domain/activities.ts';
import type { GenerationResult } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { timingsOf } from '../../domain/timings.ts';
import { boundedReads, briefReads, reads } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import { renewLateWishes, stepCancel } from './cancellation.ts';
import { cancelledEnd, endByActivity, endOf } from './endings.ts';
import { runEndsAt } from './first-state.ts';
import type { Generation } from './memory.ts';
import { beginRead, endRead, forgetReadTime, planRead, waitingOf } from './next-read.ts';
import { stoppedByQueueDeadline } from './queue-deadline.ts';
import { countReads, noteReading, noteResultRead, observationOf } from './sightings.ts';
import { enterPhase, publish } from './visibility.ts';
import { interruptible } from './wishes.ts';

/**
 * Pause before reading on after a read was given up, in milliseconds. Temporal retries reads for as long as the run may
 * last, so only what cuts that short leads here.
 */
const afterOutageMs = 15_000;

/** Time for a brief read and for reporting the end, in milliseconds. */
const briefReadMs = 20_000;

/** Reads the status, and the result once there is one. Undefined: not finished, or something more urgent came in. */
export async function checkWork(
  generation: Generation,
  requestId: string,
  by = reads,
): Promise<GenerationResult | undefined> {
  const isLastRead = by === boundedReads;
  // The last reads are not cut short, since no later read would make up for them.
  const isUncut = isLastRead && patched('last-looks-are-not-cut-short');
  const ask = <T>(run: () => Promise<T>) => (isUncut ? run() : interruptible(generation, run));
  const readStatus = async (): Promise<Standing> => {
    const question = statusQuestion(generation, requestId, isLastRead);
    const reading = await ask(() => by.readStatus(question));
    forgetReadTime(generation);
    if (!reading) return 'not over';
    // The result mostly comes with the next answer; the phase is then published with it.
    const isOver = reading.status === 'finished' || reading.status === 'failed';
    noteReading(generation, reading, isOver && reading.isNextReadSoon === true ? 'later' : 'now');
    if (reading.status === 'cancelled') throw stopped(generation);
    if (isFetching(generation)) return 'over';
    return reading.status === 'unrecognized' ? 'untold' : 'not over';
  };
  beginRead(generation);
  try {
    const standing = isFetching(generation)
      ? 'over'
      : ((await unlessOutOfOrder(generation, requestId, readStatus)) ?? 'untold');
    if (standing === 'not over') return undefined;
    const isEndUntold = standing === 'untold';
    const mayAsk = () => isLastRead && Date.now() + briefReadMs <= runEndsAt() && patched('last-looks-ask-for-results');
    if (isEndUntold && !mayAsk()) return undefined;
    const question = resultQuestion(generation, requestId, { isLastRead, isEndUntold });
    return await unlessOutOfOrder(generation, requestId, async () => {
      const reading = await ask(() => (isEndUntold ? briefReads : by).fetchResult(question));
      return reading && takeResult(generation, requestId, reading, isEndUntold);
    });
  } finally {
    endRead(generation);
  }
}

/** Whether the work is over, according to the status. */
type Standing = 'over' | 'not over' | 'untold';

/** Runs a read. Undefined if something cut in, and after an outage, after which reading goes on. */
async function unlessOutOfOrder<T>(
  generation: Generation,
  requestId: string,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (generation.state.failure) throw error;
    const { isPassing, message, details } = readActivityError(error);
    if (!isPassing || !patched('outages-end-no-generation')) throw endByActivity(generation, error);
    log.warn('reading was given up; it goes on', { requestId, reason: message });
    countReads(generation, details.reads);
    planRead(generation, { nextReadInMs: afterOutageMs });
    return undefined;
  }
}

function isFetching({ state }: Generation): boolean {
  return state.phase === 'fetching_result';
}

function takeResult(
  generation: Generation,
  requestId: string,
  reading: ResultReading,
  isEndUntold: boolean,
): GenerationResult | undefined {
  const { state, sightings, facts } = generation;
  noteResultRead(generation, reading);
  // RunComfy may refuse the result of running work in any words, so only a success counts.
  if (isEndUntold && reading.status !== 'succeeded') return undefined;
  switch (reading.status) {
    case 'not_ready':
      planRead(generation, { nextReadInMs: reading.nextReadInMs });
      renewLateWishes(generation);
      publish(generation);
      return undefined;
    case 'cancelled':
      throw stopped(generation);
    case 'failed': {
      const { reason, vendorCode } = reading;
      throw endOf(generation, {
        type: 'GenerationFailed',
        phase: 'failed',
        message: `RunComfy ran the generation and it failed: ${reason}`,
        details: withoutUndefined({ vendorMessage: reason, vendorCode }),
      });
    }
    case 'succeeded': {
      const { output, outputKeys, other, createdAt, finishedAt, costUsd } = reading;
      const { followedSince } = sightings;
      const seen = observationOf(generation);
      const times = withoutUndefined({ createdAt, finishedAt });
      enterPhase(generation, 'succeeded', 'later');
      return {
        requestId,
        model: state.model,
        output,
        ...withoutUndefined({
          outputKeys,
          other,
          createdAt,
          finishedAt,
          costUsd,
          priceUsd: state.priceUsd,
          budgets: facts.request.budgets,
          otherRequestIds: state.otherRequestIds,
          otherCostUsd: state.otherCostUsd,
          otherCostsUnknown: state.otherCostsUnknown,
        }),
        timings: timingsOf({ followedSince, ...seen, ...times, noticedAt: seen.noticedAt ?? reading.readAt }),
        reads: state.reads,
      };
    }
  }
}

function statusQuestion(generation: Generation, requestId: string, isLastRead: boolean): StatusQuestion {
  const { state, sightings } = generation;
  const { submittedAt, startedAt, readAt, queuePosition, nextReadAt } = state;
  const { seen, lastStatus, workKey, followedSince } = sightings;
  return {
    model: state.model,
    requestId,
    readsSoFar: state.reads,
    ...(submittedAt === undefined ? { followedSince } : { submittedAt }),
    ...withoutUndefined({
      lastQueuedAt: seen.lastQueuedAt,
      startedAt,
      lastStatus,
      lastReadAt: readAt,
      queuePosition,
      workKey,
      waiting: waitingOf(generation),
      nextReadAt,
      isLastRead: isLastRead || undefined,
      wantsSearchAttributes: true,
    }),
  };
}

function resultQuestion(
  generation: Generation,
  requestId: string,
  { isLastRead, isEndUntold }: { isLastRead: boolean; isEndUntold: boolean },
): ResultQuestion {
  const { state, sightings, facts, shown } = generation;
  const { seen, lastStatus, failedBecause, workKey } = sightings;
  return {
    model: state.model,
    requestId,
    readsSoFar: state.reads,
    ...(!shown.isModelKnown && { wantsModel: true }),
    wantsSearchAttributes: true,
    finishedSince: seen.noticedAt ?? new Date().toISOString(),
    seen: observationOf(generation),
    ...withoutUndefined({
      workKey,
      isLastRead: isLastRead || undefined,
      isEndUntold: isEndUntold || undefined,
      hasFailed: lastStatus === 'failed' || undefined,
      failedBecause: lastStatus === 'failed' ? failedBecause : undefined,
      inputUrls: facts.inputUrls.length > 0 ? facts.inputUrls : undefined,
    }),
  };
}

function stopped(generation: Generation): Error {
  const late = stoppedByQueueDeadline(generation);
  if (late) return late;
  stepCancel(generation, 'stopped');
  const isWanted = generation.state.cancel !== undefined;
  return cancelledEnd(
    generation,
    isWanted ? 'cancelled; RunComfy stopped the work' : 'cancelled at RunComfy, not from here',
  );
}
