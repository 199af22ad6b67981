import { cancellationSignal } from '@temporalio/activity';
import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import type { PipelineDeps } from './pipeline-deps.ts';
import { withHeartbeats } from './with-heartbeats.ts';

/** Waits for the end of a generation that is not a child of the pipeline. Can be repeated at no cost. */
export function createFollowGeneration({ generations }: PipelineDeps): PipelineActivities['followGeneration'] {
  return ({ key }) => withHeartbeats(() => generations.follow(key, cancellationSignal()));
}
