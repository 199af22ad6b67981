import type { KnownPipelineState, PipelineHandle, PipelineResult } from '../../../client/index.ts';
import { isPipelineEnd } from '../../../domain/pipeline/pipeline-run.ts';
import type { Pipeline } from '../../contract/pipeline.ts';
import type { Many } from '../many/many.ts';

/** Pipelines in the format of our API. */
export const pipelines: Many<PipelineHandle, KnownPipelineState, PipelineResult, Pipeline> = {
  find: ({ generations }, workflowId) => generations.pipelines.get(workflowId),
  watcher: (watchers) => watchers.pipelines,
  isEnd: ({ phase }) => isPipelineEnd(phase),
  toBody: ({ key, state }) => ({ key, ...state }),
};
