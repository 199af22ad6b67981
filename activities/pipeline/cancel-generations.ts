import { withoutUndefined } from '../../domain/json.ts';
import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import { inParts } from './in-parts.ts';
import type { PipelineDeps } from './pipeline-deps.ts';
import { withHeartbeats } from './with-heartbeats.ts';

/** RunComfy is given half a minute by a generation; a worker some time to take the wish up. */
export const answerWithinMs = 45_000;

/** Asks generations to cancel and tells what became of each. Asking twice changes nothing. */
export function createCancelGenerations({ generations }: PipelineDeps): PipelineActivities['cancelGenerations'] {
  return ({ keys, reason }) =>
    withHeartbeats(() => inParts(keys, (key) => generations.cancel(key, reason, answerWithinMs)));
}

/** Asks one generation to cancel, and tells what became of it and of which request. */
export function createCancelGeneration({ generations }: PipelineDeps): PipelineActivities['cancelGeneration'] {
  return ({ key, reason }) =>
    withHeartbeats(async () => {
      const outcome = await generations.cancel(key, reason, answerWithinMs);
      return { key, outcome, ...withoutUndefined({ requestId: await generations.requestIdOf(key) }) };
    });
}
