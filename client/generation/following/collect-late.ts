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

/** For whom a late result is fetched, and who is told of it. */
export interface LateOptions extends StartCaller {
  webhook?: WebhookTarget | undefined;
}

/**
 * Fetches what RunComfy made of a generation after it was given up here (detached, timed out, lost): a generation of its
 * own, `<key>/late`, takes the request over and submits nothing. Can be repeated until it succeeds.
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
  // What takes no request over is an order, and paid for once more.
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
  const maxLength = webhook ? maxWebhookKeyLength : maxWorkflowIdLength;
  if (!before && late.length > maxLength) {
    throw noLateKey(
      key,
      requestId,
      `key "${late}" ${tooLong(late.length, maxLength)}; take over its request ${requestId}`,
    );
  }
  const input = isJsonObject(first?.request.input) ? first.request.input : {};
  const whole: GenerationRequest = { model, input, requestId, ...(webhook && { webhook }) };
  // What is taken over sends no input: it alone may leave no room for the rest.
  const order = findOversizeOfRequest(whole) ? { ...whole, input: {} } : whole;
  const started = await startUnlessClosed(client, late, taskQueue, order, {
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    memo: { ...callerMemo(by), ...labelMemo(await readLabels(client, run)) },
  });
  const at = { key: late, notices: [] };
  if (started?.isNew) return { ...at, runId: started.runId, firstRunId: started.runId, attached: false };
  const found = await describeRun(client, late, started?.runId);
  await refuseStranger(client, key, found, requestId);
  return { ...at, runId: found.runId, firstRunId: found.firstRunId, attached: true };
}

/** What took a request over and failed is in nobody's way: the key may have been another generation's then. */
async function isFailedTakeOver(client: Client, found: RunInfo): Promise<boolean> {
  if (found.workflowType !== generationWorkflowType || !isClosed(found) || found.status === 'completed') return false;
  const first = await readOriginalRequest(client, found.key, found.runId);
  return isRequestId(first?.request.requestId);
}

/** The key of the late result may be anybody's, such as that of a batch's item: what another order made is none. */
async function refuseStranger(client: Client, key: string, found: RunInfo, requestId: string): Promise<void> {
  const first = await readOriginalRequest(client, found.key, found.runId);
  const known = first ? first.request.requestId : attributeOf(found, 'RunComfyRequestId');
  if (found.workflowType === generationWorkflowType && known === requestId) return;
  const why = `key "${found.key}" is in use by what does not take over its request ${requestId}; take that over`;
  throw noLateKey(key, requestId, why);
}

/** What was paid for is still to be had, by a name of the caller's own. */
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
