import type { PipelinePreview } from '../../domain/pipeline/pipeline-preview.ts';
import type { PipelineRequest, PipelineResult } from '../../domain/pipeline/pipeline-run.ts';
import type { WaitOptions } from '../await-end.ts';
import { checkKey } from '../generation/check-arguments.ts';
import { describeRun } from '../generation/run-info.ts';
import { type ListedPipeline, listPipelines, type PipelineFilter } from './list-pipelines.ts';
import { eachNamedPipeline, namedPipeline, refuseNoPipeline } from './pipeline-errors.ts';
import { createPipelineHandle, type PipelineHandle } from './pipeline-handle.ts';
import { type PipelinePreviewOptions, previewPipeline, type PreviewPlace } from './preview-pipeline.ts';
import { type PipelineStartOptions, startPipeline } from './start-pipeline.ts';

/** Starts pipelines and finds them again, from any process. */
export interface PipelineClient {
  /** Starts a pipeline, or attaches to the one with the same key, plan and params; never orders twice under one key. */
  start: (request: PipelineRequest, options?: PipelineStartOptions) => Promise<PipelineHandle>;
  /** The newest run of a key; throws `KeyNotFound` if Temporal knows none. */
  get: (key: string) => Promise<PipelineHandle>;
  /** What `start` with the same arguments would order, why, and at what price; orders nothing. */
  preview: (request: PipelineRequest, options: PipelinePreviewOptions) => Promise<PipelinePreview>;
  /** Waits for the result of a key. */
  result: (key: string, options?: WaitOptions) => Promise<PipelineResult>;
  /** Pipelines: first the open ones, then the ended ones, newest first. */
  list: (filter?: PipelineFilter) => AsyncIterable<ListedPipeline>;
}

/** Makes the client of pipelines. */
export function createPipelineClient(place: PreviewPlace & { taskQueue: string }): PipelineClient {
  const { client, taskQueue } = place;
  const get = (key: string): Promise<PipelineHandle> =>
    namedPipeline(key, async () => {
      checkKey(key);
      const { runId, firstRunId, workflowType } = await describeRun(client, key);
      refuseNoPipeline(key, workflowType);
      return createPipelineHandle(client, {
        key,
        runId,
        firstRunId,
        attached: true,
        notices: [],
      });
    });
  return {
    start: (request, options) =>
      namedPipeline(options?.key ?? '', async () =>
        createPipelineHandle(client, await startPipeline(client, taskQueue, request, options)),
      ),
    get,
    preview: (request, options) => namedPipeline(options.key, () => previewPipeline(place, request, options)),
    result: async (key, options) => (await get(key)).result(options),
    list: (filter) => eachNamedPipeline('', () => listPipelines(client, filter)),
  };
}
