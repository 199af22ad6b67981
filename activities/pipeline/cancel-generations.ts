import { withoutUndefined } from '../../domain/json.ts';
import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import { inParts } from './in-parts.ts';
import type { PipelineDeps } from './pipeline-deps.ts';
import { withHeartbeats } from './with-heartbeats.ts';

/**
 * Time that a cancel may take, in milliseconds: a generation gives RunComfy half a minute, and its worker needs some
 * time to take up the cancel.
 */
export const answerWithinMs = 45_000;

/** Asks generations to cancel and returns the outcome of each. Asking twice changes nothing. */
export function createCancelGenerations({ generations }: PipelineDeps): PipelineActivities['cancelGenerations'] {
  return ({ keys, reason }) =>
    withHeartbeats(() => inParts(keys, (key) => generations.cancel(key, reason, answerWithinMs)));
}

/** Asks one generation to cancel; returns the outcome and the request id, if there is one. */
export function createCancelGeneration({ generations }: PipelineDeps): PipelineActivities['cancelGeneration'] {
  return ({ key, reason }) =>
    withHeartbeats(async () => {
      const outcome = await generations.cancel(key, reason, answerWithinMs);
      return { key, outcome, ...withoutUndefined({ requestId: await generations.requestIdOf(key) }) };
    });
}
