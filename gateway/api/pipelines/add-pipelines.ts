import { z } from 'zod';
import { countPipelines } from '../../../client/operator/index.ts';
import { pipelineCounts } from '../../contract/many-counts.ts';
import {
  decisionReply,
  pipeline,
  pipelineCancelReply,
  pipelineList,
  pipelinePreview,
  pipelineResult,
} from '../../contract/pipeline.ts';
import {
  cancelAll,
  decision,
  previewPipeline as previewBody,
  startPipeline as startBody,
} from '../../contract/start-pipeline.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import type { RouteAdder } from '../../http/route-adder.ts';
import { countHeaders, createCounts } from '../counts.ts';
import { aboutKey } from '../generations/find-generation.ts';
import { getMany, getResultOfMany, streamMany } from '../many/read-many.ts';
import { addOperation } from '../operation.ts';
import { streamFields } from '../stream-states.ts';
import { ifNoneMatch, keyHeader, prefer, preferring, waiting } from '../waiting-parameters.ts';
import { cancelPipeline, decideStep } from './decide.ts';
import { pipelines } from './pipelines.ts';
import { listPipelines, pipelineQuery, previewPipeline } from './read.ts';
import { startPipeline } from './start.ts';

/** Adds the operations on pipelines. */
export function addPipelines(routes: RouteAdder, parts: GatewayParts, stopping: AbortSignal): void {
  addOperation(routes, {
    id: 'startPipeline',
    method: 'POST',
    url: '/pipelines',
    scope: 'generate',
    isStart: true,
    summary: 'Run a plan, once for its key.',
    query: waiting,
    body: startBody,
    headers: z.object({ ...keyHeader, prefer }),
    answers: {
      201: { description: 'It was started.', schema: pipeline, headers: { Location: 'Where the pipeline is read.' } },
      200: {
        description: 'It had been started before.',
        schema: pipeline,
        headers: { 'Idempotent-Replayed': '`true`' },
      },
    },
    problems: ['KeyMismatch', 'KeyInUse', 'KeyNotFound', 'StillRunning'],
    handle: (call) => startPipeline(parts, stopping, call),
  });
  addOperation(routes, {
    id: 'listPipelines',
    method: 'GET',
    url: '/pipelines',
    scope: 'read',
    summary: 'Pipelines: first those that run, then those that ended; the newest of each page first.',
    query: pipelineQuery,
    answers: { 200: { description: 'A page of them.', schema: pipelineList } },
    problems: [],
    handle: (call) => listPipelines(parts, call),
  });
  addOperation(routes, {
    id: 'countPipelines',
    method: 'GET',
    // Not below `/pipelines`, where it would be taken for a key.
    url: '/pipeline-counts',
    scope: 'read',
    summary: 'How many pipelines run, and how many ended in which way, at most 5 s ago.',
    answers: { 200: { description: 'Their numbers.', schema: pipelineCounts, headers: countHeaders } },
    problems: [],
    handle: createCounts(parts, countPipelines),
  });
  addOperation(routes, {
    id: 'getPipeline',
    method: 'GET',
    url: '/pipelines/:key',
    scope: 'read',
    summary: 'Where a pipeline and its steps stand.',
    params: aboutKey,
    query: waiting,
    headers: preferring.extend(ifNoneMatch),
    answers: {
      200: { description: 'The pipeline.', schema: pipeline, headers: { ETag: 'Names this very state.' } },
      304: { description: 'Nothing has changed.' },
    },
    problems: ['KeyNotFound'],
    handle: (call) => getMany(pipelines, parts, stopping, call),
  });
  addOperation(routes, {
    id: 'getPipelineResult',
    method: 'GET',
    url: '/pipelines/:key/result',
    scope: 'read',
    summary: 'What a pipeline made; as a problem, why there is nothing.',
    params: aboutKey,
    query: waiting,
    headers: preferring,
    answers: {
      200: { description: 'The result.', schema: pipelineResult },
      202: { description: 'It still runs.', schema: pipeline, headers: { 'Retry-After': 'Seconds.' } },
    },
    problems: ['KeyNotFound', 'PipelineFailed', 'PipelineCancelled', 'PipelineTimedOut', 'BudgetExceeded'],
    handle: (call) => getResultOfMany(pipelines, parts, stopping, call),
  });
  addOperation(routes, {
    id: 'streamPipeline',
    method: 'GET',
    url: '/pipelines/:key/events',
    scope: 'read',
    summary: 'Server-Sent Events: every state as it comes, and `end`.',
    params: aboutKey,
    ...streamFields,
    problems: ['KeyNotFound', 'NotAcceptable'],
    handle: (call) => streamMany(pipelines, parts, stopping, call),
  });
  addOperation(routes, {
    id: 'previewPipeline',
    method: 'POST',
    url: '/pipelines/:key/preview',
    scope: 'read',
    summary: 'What a start under this key would order, why, and at what price; orders nothing.',
    params: aboutKey,
    body: previewBody,
    answers: { 200: { description: 'Every order that would be made.', schema: pipelinePreview } },
    problems: ['KeyNotFound', 'KeyInUse', 'StillRunning'],
    handle: (call) => previewPipeline(parts, call),
  });
  addOperation(routes, {
    id: 'cancelPipeline',
    method: 'POST',
    url: '/pipelines/:key/cancel',
    scope: 'generate',
    isCancel: true,
    summary: 'Ask every open order to stop, and tell what came of each.',
    params: aboutKey,
    query: waiting,
    body: cancelAll.optional(),
    headers: preferring,
    answers: {
      200: { description: 'What came of it.', schema: pipelineCancelReply },
      202: { description: 'It is asked for; what came of it is not known yet.', schema: pipelineCancelReply },
    },
    problems: ['KeyNotFound'],
    handle: (call) => cancelPipeline(parts, stopping, call),
  });
  addOperation(routes, {
    id: 'decideStep',
    method: 'POST',
    url: '/pipelines/:key/decisions',
    scope: 'generate',
    summary: 'Approve or reject what a step asks.',
    params: aboutKey,
    body: decision,
    answers: { 200: { description: 'It is decided.', schema: decisionReply } },
    problems: ['KeyNotFound', 'StepNotFound', 'ResolutionRefused', 'NoWorker', 'ServiceUnavailable'],
    handle: (call) => decideStep(parts, call),
  });
}
