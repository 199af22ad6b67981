import { z } from 'zod';
import { countGenerations } from '../../../client/operator/index.ts';
import { generationCounts } from '../../contract/generation-counts.ts';
import { generationList } from '../../contract/generation-list.ts';
import { cancelMessage, cancelReply, generation, generationResult } from '../../contract/generation.ts';
import { resolutionReply, submissionResolution } from '../../contract/resolution.ts';
import { startGeneration as startBody } from '../../contract/start-generation.ts';
import { generationInFull } from '../../contract/webhook.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import type { RouteAdder } from '../../http/route-adder.ts';
import { countHeaders, createCounts } from '../counts.ts';
import { addOperation } from '../operation.ts';
import { streamFields } from '../stream-states.ts';
import { ifNoneMatch, keyHeader, prefer, preferring, waiting } from '../waiting-parameters.ts';
import { cancelGeneration, collectLate, nudgeGeneration, resolveSubmission } from './decide.ts';
import { aboutKey } from './find-generation.ts';
import { listGenerations, listQuery } from './list.ts';
import { getGeneration, getResult, includes } from './read.ts';
import { startGeneration } from './start.ts';
import { streamGeneration } from './stream.ts';

const location = { Location: 'Where the generation is read.' };

/** Adds the operations on generations. */
export function addGenerations(routes: RouteAdder, parts: GatewayParts, stopping: AbortSignal): void {
  addOperation(routes, {
    id: 'startGeneration',
    method: 'POST',
    url: '/generations',
    scope: 'generate',
    isStart: true,
    summary: 'Order a generation, once for its key.',
    query: waiting,
    body: startBody,
    headers: z.object({ ...keyHeader, prefer }),
    answers: {
      201: { description: 'It was started.', schema: generation, headers: location },
      200: {
        description: 'It had been started before.',
        schema: generation,
        headers: { 'Idempotent-Replayed': '`true`' },
      },
    },
    problems: ['KeyMismatch', 'ModelNotFound', 'KeyInUse', 'PriceAboveLimit', 'PriceUnknown', 'CatalogueUnavailable'],
    handle: (call) => startGeneration(parts, stopping, call),
  });
  addOperation(routes, {
    id: 'listGenerations',
    method: 'GET',
    url: '/generations',
    scope: 'read',
    summary: 'Generations: first those that run, then those that ended; the newest of each page first.',
    query: listQuery,
    answers: {
      200: {
        description: 'A page of them.',
        schema: generationList,
        headers: {
          'X-RunComfy-Degraded':
            '`search-attributes`: the server does not know ours, and the newest 1,000 are looked at one by one.',
        },
      },
    },
    problems: [],
    handle: (call) => listGenerations(parts, call),
  });
  addOperation(routes, {
    id: 'countGenerations',
    method: 'GET',
    // Not below `/generations`, where it would be taken for a key.
    url: '/generation-counts',
    scope: 'read',
    summary: 'How many generations stand where, at most 5 s ago.',
    answers: {
      200: {
        description: 'Their numbers.',
        schema: generationCounts,
        headers: countHeaders,
      },
    },
    problems: [],
    handle: createCounts(parts, countGenerations),
  });
  addOperation(routes, {
    id: 'getGeneration',
    method: 'GET',
    url: '/generations/:key',
    scope: 'read',
    summary: 'Where a generation stands, and how it ended.',
    params: aboutKey,
    query: waiting.extend({ include: includes }),
    headers: preferring.extend(ifNoneMatch),
    answers: {
      200: { description: 'The generation.', schema: generationInFull, headers: { ETag: 'Names this very state.' } },
      304: { description: 'Nothing has changed.' },
    },
    problems: ['KeyNotFound'],
    handle: (call) => getGeneration(parts, stopping, call),
  });
  addOperation(routes, {
    id: 'getResult',
    method: 'GET',
    url: '/generations/:key/result',
    scope: 'read',
    summary: 'What a generation made; as a problem, why there is nothing.',
    params: aboutKey,
    query: waiting,
    headers: preferring,
    answers: {
      200: { description: 'The result.', schema: generationResult },
      202: {
        description: 'It still runs.',
        schema: generation,
        headers: { 'Retry-After': 'Seconds to the next read of its status.' },
      },
    },
    problems: ['KeyNotFound', 'GenerationFailed', 'GenerationCancelled', 'GenerationTimedOut', 'SubmitOutcomeUnknown'],
    handle: (call) => getResult(parts, stopping, call),
  });
  addOperation(routes, {
    id: 'streamGeneration',
    method: 'GET',
    url: '/generations/:key/events',
    scope: 'read',
    summary: 'Server-Sent Events: every state as it comes, and `end`.',
    params: aboutKey,
    ...streamFields,
    problems: ['KeyNotFound', 'NotAcceptable'],
    handle: (call) => streamGeneration(parts, stopping, call),
  });
  addOperation(routes, {
    id: 'cancelGeneration',
    method: 'POST',
    url: '/generations/:key/cancel',
    scope: 'generate',
    isCancel: true,
    summary: 'Ask RunComfy to stop, and tell what came of it.',
    params: aboutKey,
    query: waiting,
    body: cancelMessage.optional(),
    headers: preferring,
    answers: {
      200: { description: 'What came of it.', schema: cancelReply },
      202: { description: 'It is asked for; what came of it is not known yet.', schema: cancelReply },
    },
    problems: ['KeyNotFound'],
    handle: (call) => cancelGeneration(parts, stopping, call),
  });
  addOperation(routes, {
    id: 'nudgeGeneration',
    method: 'POST',
    url: '/generations/:key/nudge',
    scope: 'generate',
    summary: 'Read its status at RunComfy now instead of when that is due.',
    params: aboutKey,
    answers: { 204: { description: 'It is told.' } },
    problems: ['KeyNotFound'],
    handle: (call) => nudgeGeneration(parts, call),
  });
  addOperation(routes, {
    id: 'resolveSubmission',
    method: 'POST',
    url: '/generations/:key/resolution',
    scope: 'admin',
    summary: 'Decide about an order of which nobody knows whether RunComfy took it.',
    params: aboutKey,
    body: submissionResolution,
    answers: { 200: { description: 'What came of it.', schema: resolutionReply } },
    problems: ['KeyNotFound', 'ResolutionRefused', 'StillRunning', 'NoWorker', 'ServiceUnavailable', 'RateLimited'],
    handle: (call) => resolveSubmission(parts, call),
  });
  addOperation(routes, {
    id: 'collectLate',
    method: 'POST',
    url: '/generations/:key/late',
    scope: 'generate',
    summary: 'Fetch what RunComfy made of a generation after it was given up here.',
    params: aboutKey,
    answers: {
      201: { description: 'It is being fetched.', schema: generation, headers: location },
      200: { description: 'It is, or was, fetched already.', schema: generation },
    },
    problems: ['KeyNotFound', 'NoLateResult', 'StillRunning'],
    handle: (call) => collectLate(parts, call),
  });
}
