import { condition } from '@temporalio/workflow';
import type { WaitingOptions } from '../../domain/generation.ts';
import type { Generation } from './memory.ts';
import { settleReadWish, urgentWish } from './wishes.ts';

/** What is done next: a read, unless something more urgent has come in. */
export type Due = 'cancel' | 'deadline' | 'queue_deadline' | 'read';

/** Plans the next read as an activity advises. */
export function planRead(
  { plan }: Generation,
  { nextReadInMs = 0, isNextReadSoon = false }: { nextReadInMs?: number; isNextReadSoon?: boolean },
): void {
  plan.nextReadInMs = nextReadInMs;
  plan.isNextReadSoon = isNextReadSoon;
}

/** Makes a read follow at once, whatever was planned. */
export function planReadNow({ plan }: Generation): void {
  plan.isDueNow = true;
}

/** How long a watch signal counts, in milliseconds. A watcher repeats it before that; one who has left is forgotten. */
const watchedForMs = 60_000;

/**
 * Records that a person watches. This only affects arguments of activities, since a worker of a version that does not
 * know this message may share the generation. A person who does not want to wait for the next read sends a nudge.
 */
export function noteWatched({ plan }: Generation): void {
  plan.watchedUntil = Date.now() + watchedForMs;
}

/** The waiting options in force: those of the order, else `interactive` while a person watches. */
export function waitingOf({ facts, plan }: Pick<Generation, 'facts' | 'plan'>): WaitingOptions | undefined {
  const isWatched = plan.watchedUntil !== undefined && Date.now() < plan.watchedUntil;
  return facts.request.waiting ?? (isWatched ? { preset: 'interactive' } : undefined);
}

/** Waits until a read is due, on a durable timer or left to its activity, or until something more urgent comes in. */
export async function nextDue(generation: Generation): Promise<Due> {
  const { plan } = generation;
  if (!plan.isDueNow) await pause(generation);
  plan.isDueNow = false;
  return urgentWish(generation) ?? 'read';
}

async function pause(generation: Generation): Promise<void> {
  const { state, wishes, plan } = generation;
  const isWanted = () => urgentWish(generation) !== undefined || wishes.isNudged;
  if (plan.nextReadInMs > 0 && !isWanted()) {
    state.nextReadAt = new Date(Date.now() + plan.nextReadInMs).toISOString();
    if (!plan.isNextReadSoon) {
      await condition(isWanted, plan.nextReadInMs);
      delete state.nextReadAt;
    }
  }
  settleReadWish(generation);
}

/** Marks the start of a read; its answer decides what comes next. */
export function beginRead(generation: Generation): void {
  generation.plan.readSince = Date.now();
  planRead(generation, {});
}

/** Removes the time of the next read, since that read is over; the result may be fetched right after it. */
export function forgetReadTime({ state }: Generation): void {
  delete state.nextReadAt;
}

export function endRead(generation: Generation): void {
  generation.plan.readSince = undefined;
  forgetReadTime(generation);
}
