import { condition } from '@temporalio/workflow';
import type { WaitingOptions } from '../../domain/generation.ts';
import type { Generation } from './memory.ts';
import { settleReadWish, urgentWish } from './wishes.ts';

/** What is done next: what cuts in, else a read. */
export type Due = 'cancel' | 'deadline' | 'queue_deadline' | 'read';

/** Plans the next read as an activity advises. */
export function planRead(
  { plan }: Generation,
  { nextReadInMs = 0, isNextReadSoon = false }: { nextReadInMs?: number; isNextReadSoon?: boolean },
): void {
  plan.nextReadInMs = nextReadInMs;
  plan.isNextReadSoon = isNextReadSoon;
}

/** Has a read follow at once, whatever was planned. */
export function planReadNow({ plan }: Generation): void {
  plan.isDueNow = true;
}

/** Whoever watches says so again before this is over; one who has gone is forgotten. */
const watchedForMs = 60_000;

/**
 * A person watches. What follows from it reaches activities alone, as an argument: a worker of a version that does not
 * know this message may share the generation. Who does not want to wait for the next read sends a nudge.
 */
export function noteWatched({ plan }: Generation): void {
  plan.watchedUntil = Date.now() + watchedForMs;
}

/** What a read is worth now: as the order says, else much while a person watches. */
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

/** A read begins: what comes next is for its answer to say. */
export function beginRead(generation: Generation): void {
  generation.plan.readSince = Date.now();
  planRead(generation, {});
}

/** The read whose time was told is over; a result may be fetched in the same breath. */
export function forgetReadTime({ state }: Generation): void {
  delete state.nextReadAt;
}

export function endRead(generation: Generation): void {
  generation.plan.readSince = undefined;
  forgetReadTime(generation);
}
