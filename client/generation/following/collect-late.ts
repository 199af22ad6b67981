import { ApplicationFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import { readFailureDetails } from '../../../domain/failure-details.ts';
import type { GenerationRequest } from '../../../domain/generation.ts';
import { isJsonObject } from '../../../domain/json.ts';
import { labelMemo } from '../../../domain/labels.ts';
import { generationWorkflowType, lateKey, maxWorkflowIdLength, tooLong } from '../../../domain/names.ts';
import { findOversizeOfRequest, isModelId, isRequestId } from '../../../domain/request.ts';
import type { WebhookTarget } from '../../../domain/webhook/webhook-target.ts';
import { maxWebhookKeyLength } from '../../../domain/webhook/webhook.ts';
import { GenerationError } from '../../errors.ts';
import { readLabels } from '../../start-labels.ts';
import { readOriginalRequest } from '../original-request.ts';
import { attributeOf, describeKnown, describeRun, isClosed, type RunInfo } from '../run-info.ts';
import { refuseOtherType } from '../starting/compare-requests.ts';
import {
  callerMemo,
  type StartCaller,
  type StartedGeneration,
  startUnlessClosed,
} from '../starting/start-generation.ts';
import { readState } from './read-state.ts';

/** On whose behalf a late result is fetched, and which webhook is told of it. */
export interface LateOptions extends StartCaller {
  webhook?: WebhookTarget | undefined;
}

/**
 * Fetches what RunComfy produced for a generation that was given up here (detached, timed out, lost). A new generation,
 * `<key>/late`, takes the request over and submits nothing. Can be repeated until it succeeds.
 */
export async function startLate(
  client: Client,
  taskQueue: string,
  key: string,
  { webhook, ...by }: LateOptions = {},
): Promise<StartedGeneration> {
  const run = await describeRun(client, key);
  const { runId, firstRunId, status, workflowType } = run;
  refuseOtherType(key, workflowType);
  if (!isClosed(run)) {
    const message = `generation "${key}" is still running: await its result, there is no late one yet`;
    throw new GenerationError({ type: 'StillRunning', message, key });
  }
  if (status === 'completed')
    return {
      key,
      runId,
      firstRunId,
      attached: true,
      notices: [`generation "${key}" succeeded: this is its result`],
    };

  const requestId = await readRequestId(client, key, runId);
  const first = await readOriginalRequest(client, key, runId);
  const model = first?.request.model;
  // Without a request to take over, the start would be a new order and be billed again.
  if (!isRequestId(requestId) || !isModelId(model)) {
    const what = !isRequestId(requestId)
      ? 'no request id of it is known'
      : first === undefined
        ? 'Temporal keeps its first event no longer'
        : 'it was started without a valid model id';
    throw new GenerationError({
      type: 'NoLateResult',
      message: `generation "${key}" has no late result: ${what}`,
      key,
      model,
    });
  }
  const late = lateKey(key);
  const before = await describeKnown(client, late);
  if (before && !(await isFailedTakeOver(client, before))) await refuseStranger(client, key, before, requestId);
  if (!before && late.length > maxWorkflowIdLength) {
    const why = `key "${late}" ${tooLong(late.length, maxWorkflowIdLength)}; take over its request ${requestId}`;
    throw noLateKey(key, requestId, why);
  }
  // What was paid is fetched whether anybody can be told of it or not.
  const isUntold = webhook !== undefined && late.length > maxWebhookKeyLength;
  const untold = `the webhook is told nothing: key "${late}" ${tooLong(late.length, maxWebhookKeyLength)}`;
  const input = isJsonObject(first?.request.input) ? first.request.input : {};
  const whole: GenerationRequest = { model, input, requestId, ...(webhook && !isUntold && { webhook }) };
  // A takeover sends no input. The input is dropped if the request would otherwise be too large.
  const order = findOversizeOfRequest(whole) ? { ...whole, input: {} } : whole;
  const started = await startUnlessClosed(client, late, taskQueue, order, {
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    memo: { ...callerMemo(by), ...labelMemo(await readLabels(client, run)) },
  });
  if (started?.isNew) {
    const { runId } = started;
    return { key: late, runId, firstRunId: runId, attached: false, notices: isUntold ? [untold] : [] };
  }
  const found = await describeRun(client, late, started?.runId);
  await refuseStranger(client, key, found, requestId);
  return { key: late, runId: found.runId, firstRunId: found.firstRunId, attached: true, notices: [] };
}

/**
 * Whether a run under the late key took over some request and failed: it may be replaced, as the key may have belonged
 * to another generation then.
 */
async function isFailedTakeOver(client: Client, found: RunInfo): Promise<boolean> {
  if (found.workflowType !== generationWorkflowType || !isClosed(found) || found.status === 'completed') return false;
  const first = await readOriginalRequest(client, found.key, found.runId);
  return isRequestId(first?.request.requestId);
}

/**
 * Throws unless the run under the late key takes over this very request: the key may be in use otherwise, for example
 * as that of a batch's item.
 */
async function refuseStranger(client: Client, key: string, found: RunInfo, requestId: string): Promise<void> {
  const first = await readOriginalRequest(client, found.key, found.runId);
  const known = first ? first.request.requestId : attributeOf(found, 'RunComfyRequestId');
  if (found.workflowType === generationWorkflowType && known === requestId) return;
  const why = `key "${found.key}" is in use by what does not take over its request ${requestId}; take that over`;
  throw noLateKey(key, requestId, why);
}

/** The result that was paid for can still be fetched, under a key of the caller's choice. */
function noLateKey(key: string, requestId: string, why: string): GenerationError {
  const message = `generation "${key}" has no late result: ${why} under another key, by its \`requestId\``;
  return new GenerationError({ type: 'NoLateResult', message, key, requestId });
}

async function readRequestId(client: Client, key: string, runId: string): Promise<unknown> {
  try {
    await client.workflow.result(key, runId);
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const requestId = error.cause instanceof ApplicationFailure ? readFailureDetails(error.cause).requestId : undefined;
    if (isRequestId(requestId)) return requestId;
  }
  return (await readState(client, key)).requestId;
}
