import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ScheduleDescription, ScheduleHandle } from '@temporalio/client';
import Long from 'long';
import { GenerationError } from '../errors.ts';
import { describeRun } from '../generation/run-info.ts';
import { grpcCode, grpcCodeOf } from '../grpc.ts';
import { isDueIn } from './due-seconds.ts';

/** Seconds after which the search for a free one is given up: calendars repeat theirs every minute. */
const secondsTried = 61;
const seenWithinMs = 15_000;
/** Where somebody else's firing has the key. */
const outrunAfterMs = 2_000;
const lookEveryMs = 200;
/** As Temporal numbers the policy: with that of the schedule it could be skipped in silence, and a person wants one now. */
const allowAll = 6;

/**
 * Fires a schedule once, and returns as soon as it has fired. Temporal names what a schedule starts by the second: a second firing
 * in it is dropped without a word, or takes over the key where the first one has ended. So a second is taken that no other firing
 * has, and the firing is looked for afterwards.
 */
export async function triggerSchedule(client: Client, handle: ScheduleHandle): Promise<void> {
  const { at, key } = await freeTime(client, handle);
  const scheduledTime = { seconds: Long.fromNumber(Math.floor(at / 1_000)), nanos: (at % 1_000) * 1_000_000 };
  await client.workflowService.patchSchedule({
    namespace: client.options.namespace,
    scheduleId: handle.scheduleId,
    requestId: randomUUID(),
    identity: client.options.identity,
    patch: { triggerImmediately: { overlapPolicy: allowAll, scheduledTime } },
  });
  let giveUpAt = Date.now() + seenWithinMs;
  while (Date.now() < giveUpAt) {
    const { recentActions } = (await handle.describe()).info;
    if (recentActions.some(({ scheduledAt }) => scheduledAt.getTime() === at)) return;
    const isOutrun = recentActions.some(({ action }) => action.workflow.workflowId === key);
    if (isOutrun) giveUpAt = Math.min(giveUpAt, Date.now() + outrunAfterMs);
    await sleep(lookEveryMs);
  }
  const name = handle.scheduleId;
  const message = `Temporal was asked to fire the schedule "${name}" as "${key}", and shows no such firing: look at \`runcomfy-temporal schedule show ${name}\` before you trigger it again`;
  throw new GenerationError({ type: 'TemporalBusy', message, key: name });
}

/** The present moment, or that of a second a little later, whose key nothing has and no firing of the schedule itself will have. */
async function freeTime(client: Client, handle: ScheduleHandle): Promise<{ at: number; key: string }> {
  const name = handle.scheduleId;
  for (let tried = 0; tried < secondsTried; tried += 1) {
    const description = await handle.describe();
    const at = Date.now();
    const second = Math.floor(at / 1_000);
    const key = `${baseOf(description)}-${new Date(second * 1_000).toISOString().replace(/\.\d+/, '')}`;
    const isPaused = description.state.paused;
    if (!isPaused && isDueAlways(description, second)) break;
    // What a paused schedule leaves out is not made up for.
    const isFree = isPaused || !isDueIn(description.spec, second);
    if (isFree && !(await isTaken(client, key))) return { at, key };
    await sleep((second + 1) * 1_000 - Date.now());
  }
  const message = `the schedule "${name}" was not triggered: it fires every second as it is, and keys tell its firings by the second; pause it first`;
  throw new GenerationError({ type: 'InvalidInput', message, key: name, submission: 'not_sent' });
}

function isDueAlways({ spec }: ScheduleDescription, from: number): boolean {
  return Array.from({ length: secondsTried }, (_, index) => from + index).every((second) => isDueIn(spec, second));
}

function baseOf({ action }: ScheduleDescription): string {
  return action.workflowId;
}

async function isTaken(client: Client, key: string): Promise<boolean> {
  try {
    await describeRun(client, key);
    return true;
  } catch (error) {
    if (grpcCodeOf(error) === grpcCode.notFound) return false;
    throw error;
  }
}
