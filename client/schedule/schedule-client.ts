import type { Client, ScheduleHandle } from '@temporalio/client';
import { eachWithClientErrors, withClientErrors } from '../convert-errors.ts';
import { checkKey, ownFieldsOf } from '../generation/check-arguments.ts';
import { toDate } from '../generation/run-info.ts';
import { createSchedule, type NewSchedule, scheduleMemoKey, type SchedulePlace } from './create-schedule.ts';
import { overlapOf } from './schedule-timing.ts';
import { triggerSchedule } from './trigger-schedule.ts';

/** A schedule as Temporal keeps it. Times are ISO 8601. */
export interface ScheduleState {
  name: string;
  /** Type of the workflow that it starts. */
  workflowType: string;
  paused: boolean;
  /** Why it is paused, or was paused last. */
  note?: string;
  overlap: string;
  catchUpMs: number;
  nextAt: string[];
  /** The recent firings, newest last. */
  recent: { at: string; key: string }[];
  /** Keys of the firings that are still running. */
  running: string[];
  /**
   * Firings so far. `missed` counts those late by more than the catch-up time, and `skipped` those left out because
   * another was running.
   */
  fired: number;
  missed: number;
  skipped: number;
}

/** A schedule in a list. */
export type ListedSchedule = Pick<ScheduleState, 'name' | 'workflowType' | 'paused' | 'note' | 'nextAt' | 'recent'>;

/** Manages repeated orders, as schedules of Temporal. */
export interface ScheduleClient {
  /** Creates a schedule, or throws with every problem at once. */
  create: (schedule: NewSchedule) => Promise<ScheduleState>;
  /** Our schedules; one that was created or changed a moment ago may still be missing. */
  list: () => AsyncIterable<ListedSchedule>;
  get: (name: string) => Promise<ScheduleState>;
  /** Stops firing until it is resumed; running orders go on. */
  pause: (name: string, note?: string) => Promise<ScheduleState>;
  resume: (name: string, note?: string) => Promise<ScheduleState>;
  /**
   * Fires once now, even while paused; the firing is among `recent`. If another firing has this second, it waits for
   * the next one.
   */
  trigger: (name: string) => Promise<ScheduleState>;
  /** Deletes the schedule; running orders go on. */
  delete: (name: string) => Promise<void>;
}

/** Makes the client of schedules. */
export function createScheduleClient(place: SchedulePlace): ScheduleClient {
  const { client } = place;
  const change = (name: string, act: (handle: ScheduleHandle) => Promise<unknown>) =>
    ofSchedule(name, async () => {
      checkKey(name);
      const handle = client.schedule.getHandle(name);
      await act(handle);
      return await describe(handle);
    });
  const lastTrigger = new Map<string, Promise<unknown>>();
  const inTurn = <T>(name: string, act: () => Promise<T>): Promise<T> => {
    const turn = (lastTrigger.get(name) ?? Promise.resolve()).then(act);
    const done = turn.then(
      () => undefined,
      () => undefined,
    );
    lastTrigger.set(name, done);
    void done.then(() => lastTrigger.get(name) === done && lastTrigger.delete(name));
    return turn;
  };
  return {
    create: async (schedule) => {
      const given = ownFieldsOf('schedule', schedule, 'an object { name, cron or everyMs, order, … }');
      return await ofSchedule(given.name, async () => {
        await createSchedule(place, given);
        return await describe(client.schedule.getHandle(given.name));
      });
    },
    list: () => eachWithClientErrors('', () => listSchedules(client)),
    get: (name) => change(name, () => Promise.resolve()),
    pause: (name, note) => change(name, (handle) => handle.pause(note)),
    resume: (name, note) => change(name, (handle) => handle.unpause(note)),
    trigger: (name) => inTurn(name, () => change(name, (handle) => triggerSchedule(client, handle))),
    delete: (name) =>
      ofSchedule(name, async () => {
        checkKey(name);
        await client.schedule.getHandle(name).delete();
      }),
  };
}

function ofSchedule<T>(name: string, act: () => Promise<T>): Promise<T> {
  return withClientErrors(name, act, 'schedule');
}

async function describe(handle: ScheduleHandle): Promise<ScheduleState> {
  const { scheduleId, action, policies, state, info } = await handle.describe();
  return {
    name: scheduleId,
    workflowType: action.workflowType,
    paused: state.paused,
    ...(state.note !== undefined && state.note !== '' && { note: state.note }),
    overlap: overlapOf(policies.overlap),
    catchUpMs: policies.catchupWindow,
    nextAt: info.nextActionTimes.map((time) => time.toISOString()),
    recent: recentOf(info),
    running: info.runningActions.map(({ workflow }) => workflow.workflowId),
    fired: info.numActionsTaken,
    missed: info.numActionsMissedCatchupWindow,
    skipped: info.numActionsSkippedOverlap,
  };
}

/**
 * Lists schedules through the raw service: the SDK decodes the memo of every schedule, also of those that are not ours,
 * and fails at the first that it cannot decode.
 */
async function* listSchedules(client: Client): AsyncGenerator<ListedSchedule, void, undefined> {
  const { namespace } = client.options;
  let from = {};
  for (;;) {
    const { schedules, nextPageToken } = await client.workflowService.listSchedules({ namespace, ...from });
    for (const { scheduleId, memo, info } of schedules) {
      if (memo?.fields?.[scheduleMemoKey] === undefined) continue;
      yield {
        name: scheduleId ?? '',
        workflowType: info?.workflowType?.name ?? '',
        paused: info?.paused === true,
        ...(info?.notes && { note: info.notes }),
        nextAt: (info?.futureActionTimes ?? []).map((time) => toDate(time).toISOString()),
        recent: (info?.recentActions ?? []).map(({ actualTime, startWorkflowResult }) => ({
          at: toDate(actualTime).toISOString(),
          key: startWorkflowResult?.workflowId ?? '',
        })),
      };
    }
    if (nextPageToken.length === 0) return;
    from = { nextPageToken };
  }
}

function recentOf({
  recentActions,
}: {
  recentActions: { takenAt: Date; action: { workflow: { workflowId: string } } }[];
}): ScheduleState['recent'] {
  return recentActions.map(({ takenAt, action }) => ({ at: takenAt.toISOString(), key: action.workflow.workflowId }));
}
