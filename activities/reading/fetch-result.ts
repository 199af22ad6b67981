import { activityInfo, log } from '@temporalio/activity';
import type { Activities, ResultQuestion, ResultReading } from '../../domain/activities.ts';
import type { GenerationOutput } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { timingsOf, workMsOf } from '../../domain/timings.ts';
import type { FinishedWork } from '../../domain/waiting.ts';
import { isRunComfyError, RunComfyError } from '../../runcomfy/errors.ts';
import { isEmptyOutput } from '../../runcomfy/schemas/output.ts';
import { type Failure, noReason, type OutputReply } from '../../runcomfy/schemas/result-reply.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { attributesFor } from '../known-attributes.ts';
import { workSourceOf } from '../waiting/work-source.ts';
import { latestLookAt, type ReadingDeps } from './late-cost.ts';
import { noTurn, ofAnother, runReadAttempt } from './read-attempt.ts';
import { nextResultInMs } from './result-schedule.ts';

/** Longest wait for a turn, in milliseconds; leaves enough of the attempt for the GET. */
const longestWaitMs = 4_000;

/** Time limit of looking for the cost, in milliseconds: the attempt has 25 s and needs time to report. */
const latestCostMs = 20_000;

/**
 * Largest output that is kept, in bytes of JSON. Temporal refuses payloads above 2 MB, encrypted or not, and a refused
 * report would be made again and again.
 */
const maxOutputBytes = 1_000_000;

/** What is known of an end besides the kind of end. */
interface Facts {
  createdAt?: string;
  finishedAt?: string;
  costUsd?: number;
  isModelKnown?: boolean;
}

/** `GET /requests/{id}/result?include_cost=true`: the output, or why there is none. */
export function createFetchResult(deps: ReadingDeps): Activities['fetchResult'] {
  const { runcomfy, waiting, readPacer, lateCost } = deps;
  return (question) =>
    runReadAttempt(deps, question, async ({ count, hasLasted }): Promise<ResultReading> => {
      const { model, requestId, inputUrls } = question;
      const latestAt = Math.min(performance.now() + latestCostMs, latestLookAt());
      if (question.isLastRead) {
        readPacer.skipTurn();
      } else {
        const turnInMs = await readPacer.takeTurn({ isOver: true, likelyEndInMs: 0, withinMs: longestWaitMs });
        if (turnInMs > 0) throw noTurn(turnInMs);
      }
      count.add();
      const seen = () => ({
        reads: count.report(),
        readAt: new Date().toISOString(),
        ...attributesFor(question, deps),
      });
      const failed = ({ reason: told, vendorCode }: Failure, facts: Facts = {}): ResultReading => {
        const reason = told === noReason ? (question.failedBecause ?? told) : told;
        learn(deps, question, facts, true);
        return { status: 'failed', reason, ...(vendorCode !== undefined && { vendorCode }), ...facts, ...seen() };
      };
      try {
        const result = await runcomfy.result(requestId, { model, ...(inputUrls && { inputUrls }) });
        if (result.status === 'succeeded' && isEmptyOutput(result.output)) {
          const { rawOutput, costUsd } = result;
          const message = 'RunComfy reports success but the result names no output';
          throw new RunComfyError('ProtocolMismatch', message, withoutUndefined({ rawOutput, costUsd }));
        }
        if (result.status === 'unrecognized' && isEmptyOutput(result.output) && result.reason !== undefined) {
          const { reason, vendorCode, costUsd, isUnsigned } = result;
          const message = `RunComfy's result of request ${requestId} speaks of an error: ${reason}`;
          const details = withoutUndefined({ vendorMessage: reason, vendorCode, costUsd, isUnsigned });
          throw new RunComfyError('GenerationFailed', message, details);
        }
        if (result.status === 'succeeded' || result.status === 'unrecognized') {
          // No other read can confirm what the last one sees.
          const isOfAnother = result.namesAnother && !isEmptyOutput(result.output);
          const isFinal = question.isLastRead && !question.isEndUntold;
          if (isOfAnother && !isFinal && !hasLasted(ofAnother)) {
            const message = `RunComfy answers for request ${requestId} with the output of another`;
            throw new RunComfyError(ofAnother.type, message, { isOfAnother: true });
          }
          checkSize(requestId, result);
          const { unreadKeys } = result;
          if (unreadKeys) log.warn('RunComfy names files by no web address', { requestId, model, fields: unreadKeys });
        }
        const { createdAt, finishedAt } = result;
        const facts = withoutUndefined({
          createdAt,
          finishedAt,
          costUsd: await lateCost(question, result, count, latestAt),
          isModelKnown: question.wantsModel && result.modelId === model ? true : undefined,
        });
        switch (result.status) {
          case 'succeeded': {
            log.debug('result fetched', { requestId });
            const work = learn(deps, question, facts);
            return {
              status: 'succeeded',
              ...outputOf(result),
              ...(work && { work }),
              ...(work && waiting.knowsWell(work) && { isKnownWell: true }),
              ...facts,
              ...seen(),
            };
          }
          case 'failed':
            return failed(result, facts);
          case 'cancelled':
            return { status: 'cancelled', ...facts, ...seen() };
          case 'unrecognized':
          case 'not_ready': {
            // If the status has said that the work is over, an output counts even with an unknown status word.
            if (result.status === 'unrecognized' && !isEmptyOutput(result.output) && !question.isEndUntold)
              return { status: 'succeeded', ...outputOf(result), ...facts, ...seen() };
            const underWay = result.status === 'not_ready' ? result.underWay : undefined;
            if (question.hasFailed && underWay === undefined) {
              const message = `RunComfy says that request ${requestId} failed; its result is not there`;
              const { costUsd } = facts;
              throw new RunComfyError(
                'GenerationFailed',
                message,
                withoutUndefined({ vendorMessage: noReason, costUsd }),
              );
            }
            const nextReadInMs = resultDueInMs(question);
            return { status: 'not_ready', nextReadInMs, ...(underWay && { underWay }), ...seen() };
          }
        }
      } catch (error) {
        if (!isRunComfyError(error) || error.isOfAnother) throw error;
        const { vendorCode, httpStatus, costUsd } = error;
        // The status has already said that the work failed.
        const isUnsigned = question.hasFailed ? undefined : error.isUnsigned;
        const reason = failureReason(error, question);
        const isBelieved = isFailure(error, question);
        if (
          isBelieved === 'at once' ||
          (isBelieved === 'once it has lasted' && hasLasted({ type: 'GenerationFailed', isUnsigned }))
        )
          return failed(withoutUndefined({ reason, vendorCode }), withoutUndefined({ costUsd }));
        if (isBelieved === 'never') throw error;
        throw new RunComfyError(
          'GenerationFailed',
          error.message,
          withoutUndefined({ httpStatus, isUnsigned, cause: error }),
        );
      }
    });
}

/** Whether an error in place of a result means that the work failed. */
function isFailure(error: RunComfyError, question: ResultQuestion): 'at once' | 'once it has lasted' | 'never' {
  const { type, isFromApplication, httpStatus, vendorCode } = error;
  if (type === 'Unauthenticated' || type === 'RateLimited') return 'never';
  // A conflict, like 400005, says that the result is not there yet.
  const isConflict = httpStatus === 409 || String(vendorCode).startsWith('409');
  // Without a code, frameworks or servers in front of RunComfy may have written the refusal.
  const isRefusal = type === 'InvalidInput' && !isConflict && vendorCode !== undefined;
  const isAnswer = isFromApplication === true || type === 'ProtocolMismatch' || type === 'GenerationFailed';
  if (question.hasFailed && (isRefusal || (isAnswer && question.isLastRead))) return 'at once';
  const isDoubted = isRefusal || type === 'GenerationFailed' || (question.hasFailed === true && isAnswer);
  return isDoubted ? 'once it has lasted' : 'never';
}

/**
 * The error's own message if it is RunComfy's, else the reason that the status gave: anyone may have written an
 * unsigned error.
 */
function failureReason(error: RunComfyError, { failedBecause }: ResultQuestion): string {
  const { type, vendorCode, isUnsigned, vendorMessage = error.message } = error;
  const isOwn = vendorCode !== undefined || (type === 'GenerationFailed' && isUnsigned !== true);
  return isOwn ? vendorMessage : (failedBecause ?? vendorMessage);
}

function outputOf({ output, outputKeys, other }: OutputReply): OutputReply {
  return { output, ...withoutUndefined({ outputKeys, other }) };
}

function resultDueInMs({ finishedSince }: ResultQuestion): number {
  return nextResultInMs(Date.now() - Date.parse(finishedSince));
}

/**
 * Throws if an output is too large for a workflow history. The error that ends the generation names the request id, by
 * which the result can be read from RunComfy.
 */
function checkSize(requestId: string, { output, costUsd }: { output: GenerationOutput; costUsd?: number }): void {
  const bytes = Buffer.byteLength(JSON.stringify(output));
  if (bytes <= maxOutputBytes) return;
  const count = output.images.length + output.videos.length + output.audios.length;
  const message =
    `the result of request ${requestId} names ${String(count)} files in ${String(bytes)} bytes, more than the ` +
    `${String(maxOutputBytes)} bytes that are kept; read it from RunComfy by that id`;
  throw new RunComfyError('ProtocolMismatch', message, withoutUndefined({ costUsd }));
}

/** Learns from ended work how long such work takes, or when it fails. */
function learn(
  { waiting, runcomfy }: ActivityDeps,
  question: ResultQuestion,
  facts: { createdAt?: string; finishedAt?: string },
  hasFailed = false,
): FinishedWork | undefined {
  const { model, seen } = question;
  const hasDates = facts.createdAt !== undefined && facts.finishedAt !== undefined;
  if (!seen || (seen.submittedAt === undefined && !hasDates)) return undefined;
  const observed = { noticedAt: new Date().toISOString(), ...seen, ...facts };
  const { totalMs, queueMs, runMs } = timingsOf(observed);
  const workMs = workMsOf(observed);
  const work: FinishedWork = {
    workKey: question.workKey ?? model,
    model,
    totalMs,
    ...withoutUndefined({ workMs, queueMs, runMs }),
    ...(workMs === undefined && { isWorkUnknown: true }),
    ...(hasFailed && { hasFailed }),
    source: workSourceOf(activityInfo().taskQueue, runcomfy.modelApiBase),
  };
  waiting.learn(work, seen.submittedAt === undefined ? undefined : Date.parse(seen.submittedAt));
  return work;
}
