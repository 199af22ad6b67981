import type { Client, ScheduleHandle } from '@temporalio/client';
import { eachNamed, named } from '../convert-errors.ts';
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
  /** Why it is paused, or was. */
  note?: string;
  overlap: string;
  catchUpMs: number;
  nextAt: string[];
  /** The last firings, the newest last. */
  recent: { at: string; key: string }[];
  /** Keys of those that still run. */
  running: string[];
  /** Firings so far; those that were missed by more than the catch-up, and those that met a running one and were skipped. */
  fired: number;
  missed: number;
  skipped: number;
}

/** A schedule in a list. */
export type ListedSchedule = Pick<ScheduleState, 'name' | 'workflowType' | 'paused' | 'note' | 'nextAt' | 'recent'>;

/** Orders that are made again and again, on Temporal's own schedules. */
export interface ScheduleClient {
  /** Makes a schedule; refused with every problem at once, before anything fires. */
  create: (schedule: NewSchedule) => Promise<ScheduleState>;
  /** Our schedules; one that was made or changed a moment ago may still be missing. */
  list: () => AsyncIterable<ListedSchedule>;
  get: (name: string) => Promise<ScheduleState>;
  /** Fires no more until it is resumed; what runs goes on. */
  pause: (name: string, note?: string) => Promise<ScheduleState>;
  resume: (name: string, note?: string) => Promise<ScheduleState>;
  /** Fires once now, also while it is paused; its firing is among `recent`. Within the second of another firing it waits for the next. */
  trigger: (name: string) => Promise<ScheduleState>;
  /** Ends it; what runs goes on. */
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
    list: () => eachNamed('', () => listSchedules(client)),
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
  return named(name, act, 'schedule');
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
 * Reads the wire: the SDK decodes the memos of all schedules, also of those of others, and ends with the first that it
 * cannot.
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
