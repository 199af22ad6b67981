import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, randomUUID } from 'node:crypto';
import type { FoundRun } from './run-info.ts';

interface OneCall {
  id: string;
  /** Ids of the updates that it has sent. */
  sent: Set<string>;
  /** By key, the run that its messages are meant for. */
  places: Map<string, FoundRun>;
}

const calls = new AsyncLocalStorage<OneCall>();

/**
 * Runs a call, and its repetitions, as one: all attempts use the same ids for what they start or send, so that Temporal
 * recognizes an attempt whose answer was lost.
 */
export function asOneCall<T>(call: () => Promise<T>): Promise<T> {
  return calls.run({ id: randomUUID(), sent: new Set(), places: new Map() }, call);
}

/** The id by which Temporal recognizes a repeated start; empty outside of a repeated call. */
export function startOfCall(): { requestId?: string } {
  const call = calls.getStore();
  return call === undefined ? {} : { requestId: call.id };
}

/**
 * The id by which Temporal recognizes an update, and whether this call has sent the same before. `isSameOfAll`: the
 * same message from other calls or processes is the same update, too.
 */
export function updateOfCall(
  key: string,
  name: string,
  message: object,
  isSameOfAll = false,
): { updateId: string; isRepeated: boolean } {
  const call = calls.getStore();
  if (call === undefined && !isSameOfAll) return { updateId: `${name}-${randomUUID()}`, isRepeated: false };
  // One call may send the same workflow several messages.
  const digest = createHash('sha256')
    .update(JSON.stringify([key, message]))
    .digest('base64url')
    .slice(0, 22);
  const updateId = isSameOfAll ? `${name}-${digest}` : `${name}-${call?.id ?? ''}-${digest}`;
  return { updateId, isRepeated: call?.sent.has(updateId) ?? false };
}

/** By key, the runs that the messages of this call are meant for; undefined outside of a repeated call. */
export function placesOfCall(): Map<string, FoundRun> | undefined {
  return calls.getStore()?.places;
}

/** Records that an update is being sent. */
export function noteSent(updateId: string): void {
  calls.getStore()?.sent.add(updateId);
}
