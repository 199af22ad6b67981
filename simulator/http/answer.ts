import type { IncomingMessage, ServerResponse } from 'node:http';
import { withoutUndefined } from '../../domain/json.ts';
import { readBalance } from '../api/balance.ts';
import { type Call, readToken } from '../api/call.ts';
import { cancelRequest } from '../api/cancel.ts';
import { readCatalogue } from '../api/catalogue.ts';
import { tooLarge } from '../api/errors.ts';
import { readFile } from '../api/files.ts';
import { readResult } from '../api/result.ts';
import { readStatus } from '../api/status.ts';
import { acceptSubmit, planSubmit, type SubmitPlan, submitReply } from '../api/submit.ts';
import type { WireAnswer } from '../faults/fault.ts';
import type { FaultRules } from '../faults/pick-fault.ts';
import type { Journal } from '../record/journal.ts';
import type { Traffic } from '../record/traffic.ts';
import type { Job, JobDraft } from '../world/job.ts';
import type { World } from '../world/world.ts';
import type { Reply } from './reply.ts';
import type { Route } from './route.ts';
import { sendAnswer } from './send-answer.ts';

export interface Service {
  readonly world: World;
  readonly faults: FaultRules;
  readonly traffic: Traffic;
  readonly journal: Journal;
}

type ApiRoute = Extract<Route, { to: 'api' }>;

const maxDroppedBytes = 2 ** 30;
const endWords = new Set(['completed', 'succeeded', 'failed', 'cancelled', 'canceled']);

/** Answers one call of the API, with any fault that strikes, and records it. */
export async function answerCall(
  service: Service,
  route: ApiRoute,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { world, faults, traffic, journal } = service;
  const body = await readBody(request, world.settings.switches.body_cap_bytes);
  if (body === undefined) {
    await sendAnswer(request, response, { how: 'reply', reply: tooLarge(world.settings.switches) });
    return;
  }
  const call = createCall(world, route, url, request, body);
  traffic.count(call.step, world.now(), call.authorization !== undefined);
  countCall(call);

  let planned: SubmitPlan | undefined;
  let honest: Reply | undefined;
  let submitted: Job | undefined;
  const plan = () => (planned ??= planSubmit(world, call));
  const proceed = (change: Partial<JobDraft> = {}) => {
    if (honest !== undefined) return honest;
    if (call.step === 'submit') {
      const decided = plan();
      if (!decided.accepted) return (honest = decided.refusal);
      submitted = acceptSubmit(world, { ...decided.draft, ...change });
      return (honest = submitReply(world, call, submitted));
    }
    return (honest = carryOut(world, call));
  };

  const struck = faults.strike({ call, world, plan, proceed });
  const wireAnswer: WireAnswer = struck?.wireAnswer ?? { how: 'reply', reply: proceed() };
  world.events.add(world.now(), 'request', {
    step: call.step,
    method: call.method,
    path: call.url.pathname,
    answer: wireAnswer.how === 'reply' ? wireAnswer.reply.status : wireAnswer.how,
    ...withoutUndefined({
      fault: struck?.rule.fault,
      rule: struck?.rule.id,
      requestId: submitted?.id ?? call.requestId,
      token: call.tokenDigest && `sha256:${call.tokenDigest.slice(0, 12)}`,
    }),
  });
  if (call.job !== undefined) noteShownSuccess(call.job, call, wireAnswer);
  if (wireAnswer.how === 'reply' && wireAnswer.isHeld === true) await faults.untilReleased();
  if (call.job !== undefined) {
    noteFirstTerminalRead(world, call.job, call, wireAnswer);
    world.save(call.job);
  }
  journal.append({ counts: traffic.counts });
  await sendAnswer(request, response, wireAnswer);
}

function carryOut(world: World, call: Call): Reply {
  switch (call.step) {
    case 'status':
      return readStatus(world, call);
    case 'result':
      return readResult(world, call);
    case 'cancel':
      return cancelRequest(world, call);
    case 'catalogue':
      return readCatalogue(world, call);
    case 'balance':
      return readBalance(world, call);
    case 'file':
      return readFile(world, call);
    case 'submit':
      throw new Error('A submit is planned and accepted, not carried out here.');
  }
}

function createCall(world: World, route: ApiRoute, url: URL, request: IncomingMessage, body: Buffer): Call {
  const { authorization } = request.headers;
  const { tokenDigest, owner } = readToken(authorization);
  return {
    step: route.step,
    method: request.method ?? '',
    url,
    headers: request.headers,
    authorization,
    tokenDigest,
    owner,
    origin: url.origin,
    model: route.model,
    requestId: route.requestId,
    job: route.requestId === undefined ? undefined : world.find(route.requestId),
    fileId: route.fileId,
    body,
  };
}

function countCall({ step, job }: Call): void {
  if (job === undefined) return;
  if (step === 'status') job.statusCalls += 1;
  if (step === 'result') job.resultCalls += 1;
  if (step === 'cancel') job.cancelCalls += 1;
}

function noteFirstTerminalRead(world: World, job: Job, call: Call, wireAnswer: WireAnswer): void {
  if (job.firstTerminalReadAt !== undefined || (call.step !== 'status' && call.step !== 'result')) return;
  if (wireAnswer.how !== 'reply' || wireAnswer.reply.status >= 300) return;
  const { json } = wireAnswer.reply;
  const word = typeof json === 'object' && json !== null && 'status' in json ? String(json.status).toLowerCase() : '';
  if (endWords.has(word)) job.firstTerminalReadAt = world.now() + (wireAnswer.afterMs ?? 0);
}

/** Counts every reply that is sent, even if it is cut off or has no status: the caller may act on it. */
function noteShownSuccess(job: Job, { step }: Call, wireAnswer: WireAnswer): void {
  if (step !== 'result' || job.state !== 'succeeded' || !('reply' in wireAnswer)) return;
  const { json } = wireAnswer.reply;
  // The key exists even if a fault sets it to undefined.
  if (typeof json === 'object' && json !== null && 'output' in json) job.hasShownSuccess = true;
}

/**
 * Reads the whole body; undefined if it is longer than allowed. A body that is too long is read to its end and dropped,
 * up to a bound: if the connection closed while the caller still sends, it would be reset and the 413 lost.
 */
async function readBody(request: IncomingMessage, capBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= capBytes) chunks.push(chunk);
    if (length > capBytes + maxDroppedBytes) return undefined;
  }
  return length > capBytes ? undefined : Buffer.concat(chunks);
}
