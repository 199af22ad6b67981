import type { Client, WorkflowService } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { withoutUndefined } from '../../domain/json.ts';
import { otherModel } from '../../domain/model-label.ts';
import { type SearchAttributeName, searchAttributeNames } from '../../domain/names.ts';
import { isGone } from './original-request.ts';

/** The status of a run, by its number on the wire. */
const runStatuses = {
  1: 'running',
  2: 'completed',
  3: 'failed',
  4: 'canceled',
  5: 'terminated',
  6: 'continued_as_new',
  7: 'timed_out',
  8: 'paused',
} as const;

/** The status of a run; one that only a newer server has is `unknown`. */
export type RunStatus = (typeof runStatuses)[keyof typeof runStatuses] | 'unknown';

/**
 * What Temporal lists of a run. Unlike the SDK's own description, it keeps the memo undecoded: the memo may be
 * encrypted with keys not available here, and the other fields must be readable all the same.
 */
export interface RunInfo {
  key: string;
  runId: string;
  /** The first run of its chain, itself if it continues none; missing if the server does not say. */
  firstRunId?: string;
  workflowType: string;
  taskQueue: string;
  status: RunStatus;
  startedAt: Date;
  /**
   * When its first task is due, if later than the start: after a start delay, or at the next time of a cron schedule.
   */
  beginsAt?: Date;
  closedAt?: Date;
  attributes: Partial<Record<SearchAttributeName, unknown>>;
  /** Search attribute `RunComfyLabels`, if it is set. */
  labelWords?: string[];
  memo?: Record<string, Payload>;
}

/** A run that was found, and the first run of its chain. */
export interface FoundRun {
  key: string;
  runId: string;
  firstRunId?: string | undefined;
}

/** What Temporal says of one run when it is described. */
export interface RunDescription extends RunInfo {
  pendingActivities: string[];
  /** A pending activity that the workers of its task queue do not have, so that every attempt fails. */
  unknownActivity?: { attempts: number; reason: string };
  /** Attempt number of the pending workflow task; above 1 if the last one failed or timed out. */
  taskAttempt: number;
}

/** Messages by which workers of any SDK refuse an activity that they do not have; the activity is then retried. */
const notThere = /not registered|unable to find activity/i;

type RawActivity = Awaited<ReturnType<WorkflowService['describeWorkflowExecution']>>['pendingActivities'][number];
type RawRun = Awaited<ReturnType<WorkflowService['listWorkflowExecutions']>>['executions'][number];

/** Describes a run of a key, by default the newest. */
export async function describeRun(client: Client, key: string, runId = ''): Promise<RunDescription> {
  const request = { namespace: client.options.namespace, execution: { workflowId: key, runId } };
  const reply = await client.workflowService.describeWorkflowExecution(request);
  return {
    ...toRunInfo(reply.workflowExecutionInfo ?? {}),
    pendingActivities: reply.pendingActivities.map(({ activityType }) => activityType?.name ?? ''),
    ...withoutUndefined({ unknownActivity: reply.pendingActivities.map(toUnknown).find((one) => one !== undefined) }),
    taskAttempt: reply.pendingWorkflowTask?.attempt ?? 0,
  };
}

/** As `describeRun`; undefined if Temporal has no such run. */
export async function describeKnown(client: Client, key: string, runId = ''): Promise<RunDescription | undefined> {
  try {
    return await describeRun(client, key, runId);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function toUnknown({ attempt, lastFailure }: RawActivity): RunDescription['unknownActivity'] {
  const reason = lastFailure?.message ?? '';
  return notThere.test(reason) ? { attempts: attempt ?? 0, reason } : undefined;
}

/**
 * Every run that a query finds, page by page, in the server's order: open runs first, then the ended ones, newest end
 * first.
 */
export async function* listRuns(
  client: Client,
  query: string,
  pageSize = defaultPageSize,
): AsyncGenerator<RunInfo[], void, undefined> {
  let pageToken: string | undefined;
  do {
    const page = await listRunsPage(client, query, { pageSize, pageToken });
    yield page.runs;
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
}

/** A page of runs. */
export interface RunPage {
  runs: RunInfo[];
  /** Base64; missing on the last page. */
  nextPageToken?: string;
}

/** One page of the runs that a query finds. */
export async function listRunsPage(
  client: Client,
  query: string,
  { pageSize, pageToken }: { pageSize: number; pageToken?: string | undefined },
): Promise<RunPage> {
  const { namespace } = client.options;
  const from = pageToken === undefined ? {} : { nextPageToken: new Uint8Array(Buffer.from(pageToken, 'base64')) };
  const page = await client.workflowService.listWorkflowExecutions({ namespace, query, pageSize, ...from });
  const next = Buffer.from(page.nextPageToken).toString('base64');
  return { runs: page.executions.map(toRunInfo), ...(next !== '' && { nextPageToken: next }) };
}

const defaultPageSize = 100;

/** Whether nothing more will happen in a run. */
export function isClosed({ status }: Pick<RunInfo, 'status'>): boolean {
  return status !== 'running' && status !== 'paused' && status !== 'continued_as_new' && status !== 'unknown';
}

/**
 * The text of one of our search attributes; undefined if the server does not have it or the workflow has not set it.
 */
export function attributeOf(
  { attributes }: Pick<RunInfo, 'attributes'>,
  name: SearchAttributeName,
): string | undefined {
  const value = attributes[name];
  return typeof value === 'string' ? value : undefined;
}

/** The model from its search attribute; undefined if that names none. */
export function modelOf(run: Pick<RunInfo, 'attributes'>): string | undefined {
  const model = attributeOf(run, 'RunComfyModel');
  return model === otherModel ? undefined : model;
}

function toRunInfo(raw: RawRun): RunInfo {
  const { execution, firstRunId, type, taskQueue, status, searchAttributes, memo } = raw;
  const { startTime, executionTime, closeTime } = raw;
  const [startedAt, beginsAt] = [toDate(startTime), toDate(executionTime)];
  const fields = searchAttributes?.indexedFields ?? {};
  return withoutUndefined({
    key: execution?.workflowId ?? '',
    runId: execution?.runId ?? '',
    firstRunId: firstRunId || undefined,
    workflowType: type?.name ?? '',
    taskQueue: taskQueue ?? '',
    status: statusOf(status?.valueOf()),
    startedAt,
    beginsAt: beginsAt > startedAt ? beginsAt : undefined,
    closedAt: closeTime ? toDate(closeTime) : undefined,
    attributes: Object.fromEntries(
      searchAttributeNames.flatMap((name) => {
        const value = toValue(fields[name]?.data);
        return value === undefined ? [] : [[name, value]];
      }),
    ),
    labelWords: toList(fields['RunComfyLabels']?.data),
    memo: memo?.fields ?? undefined,
  });
}

function statusOf(code: number | undefined): RunStatus {
  return Object.entries(runStatuses).find(([known]) => Number(known) === code)?.[1] ?? 'unknown';
}

function toValue(data: Uint8Array | null | undefined): unknown {
  const value = toJson(data);
  return Array.isArray(value) ? value[0] : value;
}

function toList(data: Uint8Array | null | undefined): string[] | undefined {
  const value = toJson(data);
  const list = Array.isArray(value) ? value : [value];
  const words = list.filter((word) => typeof word === 'string');
  return words.length === 0 ? undefined : words;
}

/** Search attributes are always JSON; payload codecs do not apply to them. */
function toJson(data: Uint8Array | null | undefined): unknown {
  if (!data) return undefined;
  try {
    return JSON.parse(Buffer.from(data).toString());
  } catch {
    return undefined;
  }
}

/** Converts a time of Temporal's wire format. */
export function toDate(time: { seconds?: unknown; nanos?: number | null } | null | undefined): Date {
  return new Date(Number(time?.seconds ?? 0) * 1_000 + Math.floor((time?.nanos ?? 0) / 1_000_000));
}
