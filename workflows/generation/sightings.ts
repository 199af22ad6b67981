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

/** Records RunComfy's reply to the submit, or merely that there is a request. */
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

/** Records what a status read saw. `show`: whether a new phase is published now or with the next one. */
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

/** Records a read of the result. */
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

/** Whether the work is over: the status has said so, and no result naming the request has said otherwise since. */
export function isWorkOver({ state, sightings }: Generation): boolean {
  if (state.phase !== 'fetching_result') return false;
  return sightings.underWay === undefined || !patched('results-may-say-that-work-goes-on');
}

/** What the reads have seen of the work. If the status called it over too early, its end has not been noticed yet. */
export function observationOf({ sightings: { seen, underWay } }: Generation): Partial<Observation> {
  return underWay === undefined ? seen : withoutUndefined({ ...seen, noticedAt: undefined });
}

/** Records that RunComfy was asked to stop the work at its queue deadline; it may still say later that it did. */
export function noteQueueCancel({ sightings }: Generation, askedAt: string): void {
  sightings.queueCancelAt = askedAt;
}

/** Records whether the order reached RunComfy, as far as that is known. */
export function noteSubmission({ state }: Generation, submission: Submission): void {
  state.submission = submission;
}

/** Records the expected price at the time the order was sent. */
export function notePrice({ state }: Generation, priceUsd: number | undefined): void {
  if (priceUsd !== undefined) state.priceUsd = priceUsd;
}

/** Records what the request cost according to RunComfy, however the generation ends. */
export function noteCost({ state }: Generation, costUsd: number | undefined): void {
  if (costUsd !== undefined) state.costUsd = costUsd;
}

/** The latest answer decides: if it expects no end, none is expected. */
function noteExpectedEnd(state: GenerationState, expectedEndAt: string | undefined): void {
  if (expectedEndAt === undefined) delete state.expectedEndAt;
  else state.expectedEndAt = expectedEndAt;
}

/** Adds to the number of GETs. */
export function countReads({ state }: Generation, reads = 0): void {
  state.reads += reads;
}

const maxWarnings = 20;

/** Adds warnings to the state, each text once and no more than 20. */
export function warn({ state }: Generation, ...texts: string[]): void {
  if (texts.length === 0) return;
  const warnings = (state.warnings ??= []);
  for (const text of texts) {
    if (!warnings.includes(text) && warnings.length < maxWarnings) warnings.push(text);
  }
}
