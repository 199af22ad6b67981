import { type Client, TerminatedFailure, TimeoutFailure, WorkflowFailedError } from '@temporalio/client';
import type { KeyStanding, KnownGenerations } from '../activities/pipeline/index.ts';
import { createGenerationClient, type GenerationError, isGenerationError } from '../client/index.ts';
import { isUnbilled } from '../domain/failure-details.ts';
import { isFailureType } from '../domain/failure-type.ts';
import { withoutUndefined } from '../domain/json.ts';
import type { StepFailure } from '../domain/pipeline-run.ts';

/** What our own client knows of the generations of keys, as the activities of pipelines need it. */
export function createKnownGenerations(client: Client, taskQueue: string): KnownGenerations {
  const generations = createGenerationClient({ client, taskQueue });

  async function standingOf(key: string): Promise<KeyStanding> {
    try {
      const handle = await generations.get(key);
      if (!(await handle.isEnded())) return { kind: 'running' };
      return await handle.result().then(
        (result): KeyStanding => ({ kind: 'succeeded', result }),
        (error: unknown) => standingAfter(error, handle.runId),
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
    async follow(key, signal) {
      try {
        return { result: await (await generations.get(key)).result({ signal }) };
      } catch (error) {
        signal.throwIfAborted();
        if (isGenerationError(error) && isFailureType(error.type)) return { failure: toStepFailure(error) };
        throw error;
      }
    },
    async cancel(key, reason, timeoutMs) {
      try {
        return (await (await generations.get(key)).cancel(reason, { timeoutMs })).outcome;
      } catch {
        return 'unknown';
      }
    },
  };
}

function standingAfter(error: unknown, runId: string): KeyStanding {
  if (!isGenerationError(error) || !isFailureType(error.type)) throw error;
  const failure = toStepFailure(error);
  return isUnbilled(failure.submission) ? { kind: 'unbilled', runId, failure } : { kind: 'failed', failure };
}

/** Only the workflow's own word counts: of a run that was ended from outside nobody can say what was under way. */
function toStepFailure(error: GenerationError): StepFailure {
  const { type, message, details, requestId, key, issues } = error;
  const ending = error.cause instanceof WorkflowFailedError ? error.cause.cause : undefined;
  const isFromOutside = ending instanceof TerminatedFailure || ending instanceof TimeoutFailure;
  return {
    type: isFailureType(type) ? type : 'GenerationFailed',
    message,
    submission: isFromOutside ? 'unknown' : (error.submission ?? 'unknown'),
    ...withoutUndefined({ cancel: details?.cancel?.outcome, requestId, key, issues, costUsd: details?.costUsd }),
  };
}
