import { patched } from '@temporalio/workflow';
import type { AcceptedSubmit, RequestStatus, ResultReading, StatusReading } from '../../domain/activities.ts';
import type { GenerationState, Phase, Submission } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { Observation } from '../../domain/timings.ts';
import type { Generation } from './memory.ts';
import { planRead } from './next-read.ts';
import { enterPhase, noteModelKnown, noteSearchAttributes } from './visibility.ts';

const phaseOf: Record<RequestStatus, Phase | undefined> = {
  in_queue: 'in_queue',
  in_progress: 'in_progress',
  finished: 'fetching_result',
  failed: 'fetching_result',
  cancelled: undefined,
  unrecognized: undefined,
};

/** Takes in what RunComfy's reply to the submit said, or that there is a request at all. */
export function noteAccepted(generation: Generation, reply: Partial<AcceptedSubmit>): void {
  const { state, sightings } = generation;
  if (reply.submittedAt !== undefined) {
    state.submittedAt = reply.submittedAt;
    sightings.seen.submittedAt = reply.submittedAt;
  }
  sightings.followedSince = new Date().toISOString();
  notePrice(generation, reply.priceUsd);
  if (reply.workKey !== undefined) sightings.workKey = reply.workKey;
  noteExpectedEnd(state, reply.expectedEndAt);
}

/** Takes in what a status read saw; `show`: whether operators see a change of the phase now or with the next one. */
export function noteReading(
  generation: Generation,
  reading: Pick<StatusReading, 'status' | 'readAt' | 'reads'> & Partial<StatusReading>,
  show: 'now' | 'later',
): void {
  const { state, sightings } = generation;
  const { seen } = sightings;
  const { status, statusWord, readAt, readBeforeAt, queuePosition } = reading;
  countReads(generation, reading.reads);
  noteCost(generation, reading.costUsd);
  state.readAt = readAt;
  if (readBeforeAt !== undefined) {
    if (sightings.lastStatus === 'in_queue') seen.lastQueuedAt = readBeforeAt;
    seen.lastUnfinishedAt = readBeforeAt;
  }
  sightings.lastStatus = status;
  if (reading.reason !== undefined) sightings.failedBecause = reading.reason;
  delete state.queuePosition;
  if (queuePosition !== undefined) state.queuePosition = queuePosition;
  if (status === 'in_queue') seen.lastQueuedAt = readAt;
  if (status === 'in_queue' || status === 'in_progress') seen.lastUnfinishedAt = readAt;
  if (status === 'in_progress') {
    seen.startedAt ??= readAt;
    state.startedAt ??= readAt;
  }
  const phase = phaseOf[status];
  if (phase) sightings.underWay = undefined;
  if (phase === 'fetching_result') seen.noticedAt ??= readAt;
  else if (phase) delete seen.noticedAt;
  if (statusWord !== undefined) warn(generation, `RunComfy's status "${statusWord}" is not known here; reading on`);
  noteExpectedEnd(state, reading.expectedEndAt);
  noteSearchAttributes(generation, reading);
  planRead(generation, reading);
  if (phase && phase !== state.phase) enterPhase(generation, phase, show);
}

/** Takes in that the result was read. */
export function noteResultRead(generation: Generation, reading: ResultReading): void {
  const { state, sightings } = generation;
  countReads(generation, reading.reads);
  noteSearchAttributes(generation, reading);
  state.readAt = reading.readAt;
  noteCost(generation, reading.costUsd);
  if (reading.isModelKnown) noteModelKnown(generation);
  if (reading.status === 'not_ready' && reading.underWay) sightings.underWay = reading.underWay;
  if (reading.status !== 'succeeded') return;
  sightings.isKnownWell = reading.isKnownWell === true;
  sightings.work = reading.work;
}

/** Whether the status has said that the work is over, and no result since, by the id of the request, that it is not. */
export function isWorkOver({ state, sightings }: Generation): boolean {
  if (state.phase !== 'fetching_result') return false;
  return sightings.underWay === undefined || !patched('results-may-say-that-work-goes-on');
}

/** What the reads have seen of the work. Where the status called it over too early, its end is still to be noticed. */
export function observationOf({ sightings: { seen, underWay } }: Generation): Partial<Observation> {
  return underWay === undefined ? seen : withoutUndefined({ ...seen, noticedAt: undefined });
}

/** Notes that RunComfy was asked to stop work at its queue deadline: it may say later that it did. */
export function noteQueueCancel({ sightings }: Generation, askedAt: string): void {
  sightings.queueCancelAt = askedAt;
}

/** Notes whether the order reached RunComfy, as far as that is known. */
export function noteSubmission({ state }: Generation, submission: Submission): void {
  state.submission = submission;
}

/** Keeps what the order was to cost when it was sent. */
export function notePrice({ state }: Generation, priceUsd: number | undefined): void {
  if (priceUsd !== undefined) state.priceUsd = priceUsd;
}

/** Keeps what RunComfy says that the request cost, however the generation ends. */
export function noteCost({ state }: Generation, costUsd: number | undefined): void {
  if (costUsd !== undefined) state.costUsd = costUsd;
}

/** What is expected is as of the latest answer: none is expected where it says nothing. */
function noteExpectedEnd(state: GenerationState, expectedEndAt: string | undefined): void {
  if (expectedEndAt === undefined) delete state.expectedEndAt;
  else state.expectedEndAt = expectedEndAt;
}

/** Counts GETs whose answers say nothing else. */
export function countReads({ state }: Generation, reads = 0): void {
  state.reads += reads;
}

const maxWarnings = 20;

/** Adds a hint to the state, once. */
export function warn({ state }: Generation, ...texts: string[]): void {
  if (texts.length === 0) return;
  const warnings = (state.warnings ??= []);
  for (const text of texts) {
    if (!warnings.includes(text) && warnings.length < maxWarnings) warnings.push(text);
  }
}
