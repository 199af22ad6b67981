import { type Client, ScheduleAlreadyRunning, type ScheduleOptions } from '@temporalio/client';
import { batchDefaults, batchLimits, type BatchRequest } from '../../domain/batch/batch.ts';
import { budgetId } from '../../domain/budget/names.ts';
import type { GenerationRequest, InputIssue } from '../../domain/generation.ts';
import { boundIssues, issuesSentence } from '../../domain/issues.ts';
import { jsonBytes, jsonPath } from '../../domain/json.ts';
import {
  batchItemKey,
  batchWorkflowType,
  generationWorkflowType,
  maxWorkflowIdLength,
  pipelineWorkflowType,
  tooLong,
} from '../../domain/names.ts';
import type { PipelineRequest } from '../../domain/pipeline/pipeline-run.ts';
import { pipelineTaskTimeoutMs } from '../../domain/pipeline/pipeline.ts';
import { checkBatchRequest } from '../batch/starting/start-batch.ts';
import { GenerationError, isGenerationError } from '../errors.ts';
import { checkArgument, checkKey, ownFieldsOf } from '../generation/check-arguments.ts';
import { describeKnown, isClosed } from '../generation/run-info.ts';
import { checkRequest } from '../generation/starting/check-request.ts';
import { toJsonText } from '../generation/starting/to-json.ts';
import { checkPipelineRequest } from '../pipeline/start-pipeline.ts';
import { type StartLabels, toLabelMemo } from '../start-labels.ts';
import { type StartPriority, toPriority } from '../start-priority.ts';
import { type ScheduleTiming, timingIssues, toPolicies, toSpec } from './schedule-timing.ts';

/** What a schedule orders at each firing. The request needs a spending limit: `maxCostUsd` or `budgets`. */
export type ScheduledOrder =
  { generation: GenerationRequest } | { pipeline: PipelineRequest } | { batch: BatchRequest };

/** A schedule to be created. */
export interface NewSchedule extends ScheduleTiming, StartPriority, StartLabels {
  /** The schedule's id; its orders have the keys `<name>-<time>`. */
  name: string;
  order: ScheduledOrder;
}

/** The client and task queue that schedules use. */
export interface SchedulePlace {
  client: Client;
  taskQueue: string;
  modelApiBase?: string | undefined;
}

/** Has the length of the time that Temporal appends to the name to make the key of a firing. */
const timeOfFiring = '-2026-11-26T06:39:51Z';

/** Shorter than the limit for keys, as items, steps and deliveries append more to the key of a firing. */
const maxNameLength = 150;

/** Creates a schedule. Checks all that an ordinary start would check, and reports every problem at once. */
export async function createSchedule(place: SchedulePlace, given: NewSchedule): Promise<void> {
  const { name, order: orderGiven, labels, priority, tenant, weight } = given;
  checkKey(name);
  const order = ownFieldsOf('order', orderGiven, 'an object { generation }, { pipeline } or { batch }');
  checkArgument('name', name.length <= maxNameLength, `text of at most ${String(maxNameLength)} characters`, name);
  const issues: InputIssue[] = timingIssues(given);
  const checked = await gather(issues, () => checkOrder(place, name, order));
  const memo = await gather(issues, () => Promise.resolve(toLabelMemo({ labels }, name)));
  const isBatch = 'batch' in order;
  const level = priority ?? (isBatch ? batchDefaults.priority : undefined);
  const precedence = await gather(issues, () => Promise.resolve(toPriority({ priority: level, tenant, weight }, name)));
  if (checked) issues.push(...(await limitIssues(place.client, checked.request)));
  if (checked === undefined || issues.length > 0) throw refuse(name, issues);
  const action = {
    type: 'startWorkflow' as const,
    workflowType: checked.workflowType,
    workflowId: name,
    taskQueue: place.taskQueue,
    ...(checked.workflowType === pipelineWorkflowType && { workflowTaskTimeout: pipelineTaskTimeoutMs }),
    args: [checked.request],
    ...(checked.summary !== undefined && { staticSummary: checked.summary }),
    ...memo,
    ...precedence,
  };
  const options: ScheduleOptions = {
    scheduleId: name,
    spec: toSpec(given),
    action,
    policies: toPolicies(given),
    memo: { [scheduleMemoKey]: { workflowType: checked.workflowType } },
  };
  try {
    await place.client.schedule.create(options);
  } catch (error) {
    // The SDK throws a TypeError if the server refuses the spec.
    if (error instanceof TypeError) {
      const path = given.cron === undefined ? 'everyMs' : 'cron';
      throw refuse(name, [{ path, message: `Temporal refuses it: ${error.message}` }]);
    }
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const message = `there is a schedule "${name}" already: delete it first, or choose another name`;
    throw new GenerationError({ type: 'KeyInUse', message, key: name, cause: error });
  }
}

/** Memo key that marks our schedules. */
export const scheduleMemoKey = 'runcomfySchedule';

interface CheckedOrder {
  workflowType: string;
  request: GenerationRequest | PipelineRequest | BatchRequest;
  summary?: string;
}

async function checkOrder({ modelApiBase }: SchedulePlace, name: string, order: ScheduledOrder): Promise<CheckedOrder> {
  if ('generation' in order) {
    const { order: request } = checkRequest(order.generation, name, { modelApiBase });
    if (request.requestId !== undefined) {
      throw refuse(name, [{ path: 'request.requestId', message: 'a schedule orders anew each time' }]);
    }
    return { workflowType: generationWorkflowType, request, summary: request.model };
  }
  if ('pipeline' in order) {
    return { workflowType: pipelineWorkflowType, ...(await checkPipelineRequest(order.pipeline, name)) };
  }
  const notCarried = () => {
    const message = 'a scheduled batch carries its items, at most 1,000 and 1 MiB together, and is not kept open';
    return refuse(name, [{ path: 'request.items', message }]);
  };
  const json = toJsonText(order.batch);
  if ('text' in json) {
    const { items = [] } = { ...(JSON.parse(json.text) as Partial<BatchRequest> | null) };
    if (jsonBytes(items) > batchLimits.inlineBytes) throw notCarried();
  }
  const request = await checkBatchRequest(order.batch, name, { modelApiBase });
  const { items = [] } = request;
  if (items.length === 0 || request.keepOpen === true) throw notCarried();
  const tooLongOnes = items.flatMap(({ id }, index): InputIssue[] => {
    const { length } = batchItemKey(`${name}${timeOfFiring}`, id);
    if (length <= maxWorkflowIdLength) return [];
    const message = `its key, made of the firing's and its id, ${tooLong(length)}; take a shorter one`;
    return [{ path: `${jsonPath('$', index)}.id`, message }];
  });
  if (tooLongOnes.length > 0) throw refuse(name, boundIssues(tooLongOnes));
  return { workflowType: batchWorkflowType, request };
}

/** Problems of the spending limit, which is required since nobody confirms the cost of each firing. */
async function limitIssues(
  client: Client,
  { maxCostUsd, budgets = [] }: Pick<GenerationRequest, 'maxCostUsd' | 'budgets'>,
): Promise<InputIssue[]> {
  if (maxCostUsd === undefined && budgets.length === 0) {
    return [{ path: 'request.maxCostUsd', message: 'a schedule orders under a limit: give maxCostUsd, or a budget' }];
  }
  const missing = await Promise.all(
    budgets.map(async (budget): Promise<InputIssue[]> => {
      const run = await describeKnown(client, budgetId(budget));
      const message = `there is no open budget "${budget}": create it, or correct the name`;
      return run === undefined || isClosed(run) ? [{ path: 'request.budgets', message }] : [];
    }),
  );
  return missing.flat();
}

/** Runs a check and collects its issues, so that the other checks run as well. */
async function gather<T>(issues: InputIssue[], check: () => Promise<T>): Promise<T | undefined> {
  try {
    return await check();
  } catch (error) {
    if (!isGenerationError(error) || error.type !== 'InvalidInput' || !error.issues) throw error;
    issues.push(...error.issues);
    return undefined;
  }
}

function refuse(name: string, issues: InputIssue[]): GenerationError {
  return new GenerationError({
    type: 'InvalidInput',
    message: `the schedule "${name}" was not made: ${issuesSentence(issues)}`,
    key: name,
    submission: 'not_sent',
    issues,
  });
}
