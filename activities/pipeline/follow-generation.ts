import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { PipelineActivities } from '../../domain/pipeline-activities.ts';
import type { PipelineDeps } from './pipeline-deps.ts';

const heartbeatEveryMs = 5_000;

/** Waits for the end of a generation that is no child of the pipeline. Repeating it costs nothing. */
export function createFollowGeneration({ generations }: PipelineDeps): PipelineActivities['followGeneration'] {
  return async ({ key }) => {
    const heartbeats = setInterval(() => {
      heartbeat();
    }, heartbeatEveryMs);
    try {
      return await generations.follow(key, cancellationSignal());
    } finally {
      clearInterval(heartbeats);
    }
  };
}
