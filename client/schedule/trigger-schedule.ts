import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ScheduleDescription, ScheduleHandle } from '@temporalio/client';
import Long from 'long';
import { GenerationError } from '../errors.ts';
import { describeKnown } from '../generation/run-info.ts';
import { grpcCode, grpcCodeOf, isConnectionClosed } from '../grpc.ts';
import { isDueIn } from './due-seconds.ts';
import { firingsOf, type FiringTime, timeOfTriggerIn } from './firings.ts';

/** How many seconds are tried before giving up: the seconds of a calendar repeat every minute. */
const secondsTried = 61;
const lookEveryMs = 200;
/**
 * Temporal's number of the policy. With the schedule's own policy, a firing requested by a person could be skipped
 * silently.
 */
const allowAll = 6;

/** How long to look for a firing. */
interface Patience {
  seenWithinMs: number;
  /** The shorter wait once a firing other than the requested one is seen. */
  outrunAfterMs: number;
}

/**
 * Fires a schedule once, and returns as soon as it has fired. Temporal names what a schedule starts by the second: a
 * second firing in the same second is silently dropped, or takes over the key if the first has ended. So a second
 * without other firings is chosen, and the firing is then looked for by a time within it that no other client uses.
 * Servers before 1.29 fire at a time of their own; there, a firing is taken for ours if nothing else explains it. Once
 * Temporal was asked, no error tells the caller to repeat the call, as that could be billed again.
 */
export async function triggerSchedule(
  client: Client,
  handle: ScheduleHandle,
  { seenWithinMs, outrunAfterMs }: Patience = { seenWithinMs: 15_000, outrunAfterMs: 2_000 },
): Promise<void> {
  const { at, key, before } = await freeTime(client, handle);
  let cause = await ask(client, handle, at);
  let giveUpAt = performance.now() + seenWithinMs;
  const known = new Set(firingsOf(before).map(({ runId }) => runId));
  let isUnexplained = false;
  for (;;) {
    const found = await handle.describe().catch((error: unknown) => {
      cause = error;
      return undefined;
    });
    const fresh = found === undefined ? [] : firingsOf(found).filter(({ runId }) => !known.has(runId));
    if (fresh.some(({ scheduledFor: { second, nanos } }) => second === at.second && nanos === at.nanos)) return;
    isUnexplained ||= fresh.some(
      (firing) => firing.isByServersClock && (firing.key === key || !isDueIn(before.spec, firing.second)),
    );
    const isOutrun = isUnexplained || fresh.some((firing) => firing.key === key);
    if (isOutrun) giveUpAt = Math.min(giveUpAt, performance.now() + outrunAfterMs);
    if (performance.now() >= giveUpAt) break;
    await sleep(lookEveryMs);
  }
  if (!isUnexplained) throw unseen(handle.scheduleId, key, cause);
}

/** Asks Temporal to fire. An error that leaves open whether it will is returned, so that the firing is looked for. */
async function ask(client: Client, { scheduleId }: ScheduleHandle, { second, nanos }: FiringTime): Promise<unknown> {
  const scheduledTime = { seconds: Long.fromNumber(second), nanos };
  try {
    await client.workflowService.patchSchedule({
      namespace: client.options.namespace,
      scheduleId,
      requestId: randomUUID(),
      identity: client.options.identity,
      patch: { triggerImmediately: { overlapPolicy: allowAll, scheduledTime } },
    });
    return undefined;
  } catch (error) {
    const code = grpcCodeOf(error);
    if (code === undefined ? !isConnectionClosed(error) : refusals.includes(code)) throw error;
    return error;
  }
}

/** Codes of a server that has done nothing. */
const refusals: readonly number[] = [
  grpcCode.invalidArgument,
  grpcCode.notFound,
  grpcCode.permissionDenied,
  grpcCode.failedPrecondition,
  grpcCode.unimplemented,
  grpcCode.unauthenticated,
];

function unseen(name: string, key: string, cause: unknown): GenerationError {
  const message = `Temporal was asked to fire the schedule "${name}" as "${key}", and shows no such firing; it may have fired all the same: look at \`runcomfy-temporal schedule show NAME\` before you trigger it again`;
  return new GenerationError({ type: 'SubmitOutcomeUnknown', message, key: name, submission: 'unknown', cause });
}

/**
 * A time in the current second, or in one shortly after, whose key is not in use and in which the schedule itself will
 * not fire.
 */
async function freeTime(
  client: Client,
  handle: ScheduleHandle,
): Promise<{ at: FiringTime; key: string; before: ScheduleDescription }> {
  const name = handle.scheduleId;
  for (let tried = 0; tried < secondsTried; tried += 1) {
    const description = await handle.describe();
    const second = Math.floor(Date.now() / 1_000);
    const key = `${description.action.workflowId}-${new Date(second * 1_000).toISOString().replace(/\.\d+/, '')}`;
    if (isDueAlways(description, second)) break;
    if (!isDue(description, second) && !(await isTaken(client, key))) {
      return { at: timeOfTriggerIn(second), key, before: description };
    }
    await sleep(Math.min((second + 1) * 1_000 - Date.now(), 1_000));
  }
  const message = `the schedule "${name}" was not triggered: it fires every second as it is, and keys tell its firings by the second; pause it first`;
  throw new GenerationError({ type: 'InvalidInput', message, key: name, submission: 'not_sent' });
}

function isDueAlways(description: ScheduleDescription, from: number): boolean {
  return Array.from({ length: secondsTried }, (_, index) => from + index).every((second) => isDue(description, second));
}

/** Firings left out while a schedule is paused are not made up for. */
function isDue({ spec, state }: ScheduleDescription, second: number): boolean {
  return !state.paused && isDueIn(spec, second);
}

async function isTaken(client: Client, key: string): Promise<boolean> {
  return (await describeKnown(client, key)) !== undefined;
}
