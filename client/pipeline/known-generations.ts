import {
  CancelledFailure,
  type Client,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
} from '@temporalio/client';
import { isUnbilled } from '../../domain/failure-details.ts';
import { isFailureType } from '../../domain/failure-type.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { StepFailure } from '../../domain/pipeline/pipeline-run.ts';
import type { KeyStanding, KnownGenerations } from '../../plans/deciding/parts.ts';
import { unlessAborted } from '../await-end.ts';
import { type GenerationError, isGenerationError } from '../errors.ts';
import type { GenerationHandle } from '../generation/generation-handle.ts';
import { readOriginalRequest } from '../generation/original-request.ts';
import { describeKnown, describeRun, isClosed, type RunInfo } from '../generation/run-info.ts';

/** Reads, follows and cancels generations by key, as pipelines need it. */
export function createKnownGenerations(
  client: Client,
  generations: { get: (key: string) => Promise<GenerationHandle> },
): KnownGenerations {
  async function standingOf(key: string): Promise<KeyStanding> {
    try {
      const handle = await generations.get(key);
      const run = await describeRun(client, key, handle.runId);
      if (!isClosed(run)) return { kind: 'running' };
      return await handle.result().then(
        (result): KeyStanding => ({ kind: 'succeeded', result }),
        (error: unknown) => standingAfter(error, run),
      );
    } catch (error) {
      if (!isGenerationError(error)) throw error;
      if (error.type === 'KeyNotFound') return { kind: 'unknown' };
      if (error.type === 'KeyInUse') return { kind: 'foreign', message: error.message };
      throw error;
    }
  }

  return {
    standingOf,
    async orderOf(key) {
      const run = await describeKnown(client, key);
      return run && (await readOriginalRequest(client, key, run.runId))?.request;
    },
    async follow(key, signal) {
      try {
        const handle = await generations.get(key);
        return { result: await unlessAborted(client, signal, () => handle.result({ signal })) };
      } catch (error) {
        signal.throwIfAborted();
        if (isEnd(error)) return { failure: toStepFailure(error) };
        throw error;
      }
    },
    async requestIdOf(key) {
      try {
        return (await (await generations.get(key)).state()).requestId;
      } catch {
        return undefined;
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
  };
}

/** Whether an error reports how the generation ended, instead of a problem with reading it. */
function isEnd(error: unknown): error is GenerationError {
  return isGenerationError(error) && error.cause instanceof WorkflowFailedError;
}

function standingAfter(error: unknown, { runId, startedAt }: RunInfo): KeyStanding {
  if (!isEnd(error)) throw error;
  const failure = toStepFailure(error);
  const ended = { failure, startedAt };
  return isUnbilled(failure.submission) ? { kind: 'unbilled', runId, ...ended } : { kind: 'failed', ...ended };
}

/**
 * The failure of a step. Only the workflow's own report counts: if a run was ended from outside, nobody can say what
 * was under way.
 */
function toStepFailure(error: GenerationError): StepFailure {
  const { type, message, details, requestId, key, issues } = error;
  const ending = error.cause instanceof WorkflowFailedError ? error.cause.cause : undefined;
  const { costUsd, otherRequestIds, otherCostUsd, otherCostsUnknown, budget } = details ?? {};
  const isEndedByTemporal = ending instanceof TerminatedFailure || ending instanceof TimeoutFailure;
  // Without a worker, Temporal's records say of a cancelled order only that it was submitted.
  const isUntold = ending instanceof CancelledFailure && details?.cancel === undefined;
  return {
    type: isFailureType(type) ? type : 'GenerationFailed',
    message,
    submission: isEndedByTemporal || isUntold ? 'unknown' : (error.submission ?? 'unknown'),
    ...withoutUndefined({ cancel: details?.cancel?.outcome, requestId, key, issues }),
    ...withoutUndefined({ costUsd, otherRequestIds, otherCostUsd, otherCostsUnknown, budget }),
  };
}
