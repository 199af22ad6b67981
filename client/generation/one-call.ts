import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, randomUUID } from 'node:crypto';
import type { FoundRun } from './run-info.ts';

interface OneCall {
  id: string;
  /** The updates that it has sent. */
  sent: Set<string>;
  /** The runs that its messages were first meant for, by key. */
  places: Map<string, FoundRun>;
}

const calls = new AsyncLocalStorage<OneCall>();

/**
 * Carries out a call, and repetitions of it, so that what any of them starts, or tells a workflow, was done by all: an
 * attempt whose answer was lost is known to Temporal by the id that each of them gives.
 */
export function asOneCall<T>(call: () => Promise<T>): Promise<T> {
  return calls.run({ id: randomUUID(), sent: new Set(), places: new Map() }, call);
}

/** By which Temporal knows a start that is repeated; nothing of one that is not. */
export function startOfCall(): { requestId?: string } {
  const call = calls.getStore();
  return call === undefined ? {} : { requestId: call.id };
}

/**
 * By which Temporal knows an update, and whether the same was sent before in the same call. `isSameOfAll`: the same message
 * of another call, or process, is the same update.
 */
export function updateOfCall(
  key: string,
  name: string,
  message: object,
  isSameOfAll = false,
): { updateId: string; isRepeated: boolean } {
  const call = calls.getStore();
  if (call === undefined && !isSameOfAll) return { updateId: `${name}-${randomUUID()}`, isRepeated: false };
  // One call may tell the same workflow several things.
  const digest = createHash('sha256')
    .update(JSON.stringify([key, message]))
    .digest('base64url')
    .slice(0, 22);
  const updateId = isSameOfAll ? `${name}-${digest}` : `${name}-${call?.id ?? ''}-${digest}`;
  return { updateId, isRepeated: call?.sent.has(updateId) ?? false };
}

/** The runs that messages of this call are meant for, by key; undefined where it is not repeated. */
export function placesOfCall(): Map<string, FoundRun> | undefined {
  return calls.getStore()?.places;
}

/** Notes that an update is on its way. */
export function noteSent(updateId: string): void {
  calls.getStore()?.sent.add(updateId);
}
