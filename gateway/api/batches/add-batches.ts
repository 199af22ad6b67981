import { z } from 'zod';
import { countBatches, listBatchPage } from '../../../client/operator/index.ts';
import { batchPhases } from '../../../domain/batch/batch.ts';
import {
  batch,
  batchCancelReply,
  batchLines,
  batchList,
  batchResult,
  batchSetting,
  batchTold,
  itemCount,
} from '../../contract/batch.ts';
import { batchCounts } from '../../contract/many-counts.ts';
import {
  addItems as itemsBody,
  pauseBatch as pauseBody,
  resumeBatch as resumeBody,
  setBatch as setBody,
  startBatch as startBody,
} from '../../contract/start-batch.ts';
import { cancelAll } from '../../contract/start-pipeline.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import type { RouteAdder } from '../../http/route-adder.ts';
import { countHeaders, createCounts } from '../counts.ts';
import { aboutKey } from '../generations/find-generation.ts';
import { listMany, scopeQuery } from '../many/list-many.ts';
import { getMany, getResultOfMany, streamMany } from '../many/read-many.ts';
import { addOperation } from '../operation.ts';
import { streamFields } from '../stream-states.ts';
import { ifNoneMatch, keyHeader, prefer, preferring, waiting } from '../waiting-parameters.ts';
import { batches } from './batches.ts';
import { fileQuery, linesQuery, listBatchLines, streamBatchLines } from './results.ts';
import { startBatch } from './start.ts';
import { addItems, cancelBatch, pauseBatch, resumeBatch, sealBatch, setBatch } from './tell.ts';

/** Adds the operations on batches. */
export function addBatches(routes: RouteAdder, parts: GatewayParts, stopping: AbortSignal): void {
  addOperation(routes, {
    id: 'startBatch',
    method: 'POST',
    url: '/batches',
    scope: 'generate',
    isStart: true,
    summary: 'Order many generations, or pipelines of one plan, each item once.',
    query: waiting,
    body: startBody,
    headers: z.object({ ...keyHeader, prefer }),
    answers: {
      201: { description: 'It was started.', schema: batch, headers: { Location: 'Where the batch is read.' } },
      200: { description: 'It had been started before.', schema: batch, headers: { 'Idempotent-Replayed': '`true`' } },
    },
    problems: ['KeyMismatch', 'ModelNotFound', 'KeyInUse', 'PriceUnknown'],
    handle: (call) => startBatch(parts, stopping, call),
  });
  addOperation(routes, {
    id: 'listBatches',
    method: 'GET',
    url: '/batches',
    scope: 'read',
    summary: 'Batches: first those that run, then those that ended; the newest of each page first.',
    query: scopeQuery.extend({ phase: z.exactOptional(z.enum(batchPhases)) }),
    answers: { 200: { description: 'A page of them.', schema: batchList } },
    problems: [],
    handle: async (call) => {
      const { rows, ...page } = await listMany(parts, call, listBatchPage);
      return { batches: rows, ...page };
    },
  });
  addOperation(routes, {
    id: 'countBatches',
    method: 'GET',
    // Not below `/batches`, where it would be taken for a key.
    url: '/batch-counts',
    scope: 'read',
    summary: 'How many batches run, and how many ended in which way, at most 5 s ago.',
    answers: { 200: { description: 'Their numbers.', schema: batchCounts, headers: countHeaders } },
    problems: [],
    handle: createCounts(parts, countBatches),
  });
  addOperation(routes, {
    id: 'getBatch',
    method: 'GET',
    url: '/batches/:key',
    scope: 'read',
    summary: 'Where a batch and its items stand.',
    params: aboutKey,
    query: waiting,
    headers: preferring.extend(ifNoneMatch),
    answers: {
      200: { description: 'The batch.', schema: batch, headers: { ETag: 'Names this very state.' } },
      304: { description: 'Nothing has changed.' },
    },
    problems: ['KeyNotFound'],
    handle: (call) => getMany(batches, parts, stopping, call),
  });
  addOperation(routes, {
    id: 'getBatchResult',
    method: 'GET',
    url: '/batches/:key/result',
    scope: 'read',
    summary: 'What a batch came to, however its items ended; as a problem, why there is nothing.',
    params: aboutKey,
    query: waiting,
    headers: preferring,
    answers: {
      200: { description: 'Counts and money.', schema: batchResult },
      202: { description: 'It still runs.', schema: batch, headers: { 'Retry-After': 'Seconds.' } },
    },
    problems: ['KeyNotFound', 'GenerationCancelled', 'GenerationTimedOut', 'GenerationFailed'],
    handle: (call) => getResultOfMany(batches, parts, stopping, call),
  });
  addOperation(routes, {
    id: 'listBatchLines',
    method: 'GET',
    url: '/batches/:key/results',
    scope: 'read',
    summary: 'One line for each item that has ended, in the order of ending: the same for every reader.',
    params: aboutKey,
    query: linesQuery,
    answers: { 200: { description: 'A page of them.', schema: batchLines } },
    problems: ['KeyNotFound'],
    handle: (call) => listBatchLines(parts, call),
  });
  addOperation(routes, {
    id: 'streamBatchLines',
    method: 'GET',
    url: '/batches/:key/results.jsonl',
    scope: 'read',
    summary: 'All of these lines, a JSON document a line.',
    params: aboutKey,
    query: fileQuery,
    answers: { 200: { description: 'A `BatchLine` a line.', schema: z.string(), type: 'application/jsonl' } },
    problems: ['KeyNotFound'],
    handle: (call) => streamBatchLines(parts, stopping, call),
  });
  addOperation(routes, {
    id: 'streamBatch',
    method: 'GET',
    url: '/batches/:key/events',
    scope: 'read',
    summary: 'Server-Sent Events: every state as it comes, and `end`.',
    params: aboutKey,
    ...streamFields,
    problems: ['KeyNotFound', 'NotAcceptable'],
    handle: (call) => streamMany(batches, parts, stopping, call),
  });
  addMessages(routes, parts, stopping);
}

function addMessages(routes: RouteAdder, parts: GatewayParts, stopping: AbortSignal): void {
  addOperation(routes, {
    id: 'addItems',
    method: 'POST',
    url: '/batches/:key/add',
    scope: 'generate',
    isStart: true,
    summary: 'Add items behind those that there are; the same again is answered as before.',
    params: aboutKey,
    body: itemsBody,
    answers: { 200: { description: 'They are part of it.', schema: itemCount } },
    problems: ['KeyNotFound', 'ModelNotFound', 'PriceUnknown', 'ResolutionRefused', 'NoWorker'],
    handle: (call) => addItems(parts, call),
  });
  addOperation(routes, {
    id: 'sealBatch',
    method: 'POST',
    url: '/batches/:key/seal',
    scope: 'generate',
    summary: 'No more items will come: the batch ends once all have.',
    params: aboutKey,
    answers: { 200: { description: 'It is sealed.', schema: itemCount } },
    problems: ['KeyNotFound', 'ResolutionRefused', 'NoWorker'],
    handle: (call) => sealBatch(parts, call),
  });
  addOperation(routes, {
    id: 'pauseBatch',
    method: 'POST',
    url: '/batches/:key/pause',
    scope: 'generate',
    isCancel: true,
    summary: 'Start nothing new; what runs ends.',
    params: aboutKey,
    body: pauseBody.optional(),
    answers: { 200: { description: 'It is told.', schema: batchTold } },
    problems: ['KeyNotFound', 'ResolutionRefused'],
    handle: (call) => pauseBatch(parts, call),
  });
  addOperation(routes, {
    id: 'resumeBatch',
    method: 'POST',
    url: '/batches/:key/resume',
    scope: 'generate',
    summary: 'Go on after a pause, whatever its reason.',
    params: aboutKey,
    body: resumeBody.optional(),
    answers: { 200: { description: 'It is told.', schema: batchTold } },
    problems: ['KeyNotFound', 'ResolutionRefused'],
    handle: (call) => resumeBatch(parts, call),
  });
  addOperation(routes, {
    id: 'setBatch',
    method: 'POST',
    url: '/batches/:key/set',
    scope: 'generate',
    summary: 'Change how many may be in flight, and the limit of money.',
    params: aboutKey,
    body: setBody,
    answers: { 200: { description: 'What holds now.', schema: batchSetting } },
    problems: ['KeyNotFound', 'ResolutionRefused', 'NoWorker'],
    handle: (call) => setBatch(parts, call),
  });
  addOperation(routes, {
    id: 'cancelBatch',
    method: 'POST',
    url: '/batches/:key/cancel',
    scope: 'generate',
    isCancel: true,
    summary: 'Ask everything in flight to stop, start nothing more, and tell what became of all.',
    params: aboutKey,
    query: waiting,
    body: cancelAll.optional(),
    headers: preferring,
    answers: {
      200: { description: 'What became of the items.', schema: batchCancelReply },
      202: { description: 'It is asked for; what becomes of the items is not known yet.', schema: batch },
    },
    problems: ['KeyNotFound'],
    handle: (call) => cancelBatch(parts, stopping, call),
  });
}
