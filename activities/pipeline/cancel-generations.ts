import type { CancelOutcome } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import type { PipelineDeps } from './pipeline-deps.ts';
import { withHeartbeats } from './with-heartbeats.ts';

const atOnce = 20;
/** RunComfy is given half a minute by a generation; a worker some time to take the wish up. */
const answerWithinMs = 45_000;

/** Asks generations to cancel and tells what became of each. Asking twice changes nothing. */
export function createCancelGenerations({ generations }: PipelineDeps): PipelineActivities['cancelGenerations'] {
  return ({ keys, reason }) =>
    withHeartbeats(async () => {
      const outcomes: CancelOutcome[] = [];
      for (let at = 0; at < keys.length; at += atOnce) {
        const some = keys.slice(at, at + atOnce);
        outcomes.push(...(await Promise.all(some.map((key) => generations.cancel(key, reason, answerWithinMs)))));
      }
      return outcomes;
    });
}

/** Asks one generation to cancel, and tells what became of it and of which request. */
export function createCancelGeneration({ generations }: PipelineDeps): PipelineActivities['cancelGeneration'] {
  return ({ key, reason }) =>
    withHeartbeats(async () => {
      const outcome = await generations.cancel(key, reason, answerWithinMs);
      return { key, outcome, ...withoutUndefined({ requestId: await generations.requestIdOf(key) }) };
    });
}
