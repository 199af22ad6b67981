import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { InputIssue } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { isSameJson } from '../../domain/json.ts';
import { pipelineWorkflowType } from '../../domain/names.ts';
import { parsePipelineRequest, pipelineRequestFields } from '../../domain/pipeline/pipeline-request.ts';
import type { PipelineRequest } from '../../domain/pipeline/pipeline-run.ts';
import { pipelineTaskTimeoutMs } from '../../domain/pipeline/pipeline.ts';
import { unsaidUnknownPolicy } from '../../domain/unknown-submission.ts';
import { checkPlan } from '../../plans/check-plan.ts';
import { weighOrders } from '../../plans/weigh-orders.ts';
import { GenerationError } from '../errors.ts';
import { checkKey } from '../generation/check-arguments.ts';
import { readOriginalRequest } from '../generation/original-request.ts';
import { describeKnown, describeRun, type FoundRun, isClosed, type RunDescription } from '../generation/run-info.ts';
import type { CheckOptions } from '../generation/starting/check-request.ts';
import { type Started, startUnlessEnded } from '../generation/starting/start-workflow.ts';
import { toJsonText } from '../generation/starting/to-json.ts';
import { labelNotices, type StartLabels, toLabelMemo } from '../start-labels.ts';
import { type StartPriority, toPriority } from '../start-priority.ts';
import { refuseNoPipeline, stillRunning } from './pipeline-errors.ts';
import { anewIf, checkRunAgain, idOfFollower, isRunAgain, type RunAgain } from './run-again.ts';

/** Options of starting a pipeline. */
export interface PipelineStartOptions extends RunAgain, StartPriority, StartLabels {
  /** Workflow ID of the pipeline; the same key attaches and never orders twice. Default `pipeline-<uuid>`. */
  key?: string | undefined;
  /**
   * Never starts anything: attaches to the pipeline of this key, or to the run that has followed `rerunOf`; else throws
   * `KeyNotFound`.
   */
  attachOnly?: boolean | undefined;
}

/** A pipeline that was started, or found. */
export interface StartedPipeline {
  key: string;
  runId: string;
  /** The first run of its chain, if Temporal says; messages of the handle go to this chain only. */
  firstRunId?: string | undefined;
  /** This call started nothing: the pipeline was there before. */
  attached: boolean;
  /** Sentences that the caller should know of. */
  notices: string[];
}

const maxPipelineBytes = 1024 * 1024;

/** Starts a pipeline under a key, or attaches to the existing one. The plan is checked before anything is sent. */
export async function startPipeline(
  client: Client,
  taskQueue: string,
  given: PipelineRequest,
  { key = `pipeline-${randomUUID()}`, rerun, rerunOf, labels, attachOnly, ...precedence }: PipelineStartOptions = {},
): Promise<StartedPipeline> {
  checkKey(key);
  checkRunAgain({ rerun, rerunOf }, key);
  const { request, warnings, excess } = await checkPipelineRequest(anewIf({ rerun, rerunOf }, given), key, {
    isLookedFor: attachOnly,
    mayBeFound: true,
  });
  const own = { ...toPriority(precedence, key), ...toLabelMemo({ labels }, key) };
  const start = (workflowIdReusePolicy: 'REJECT_DUPLICATE' | 'ALLOW_DUPLICATE', requestId?: string) => {
    const place = { taskQueue, workflowId: key, workflowTaskTimeout: pipelineTaskTimeoutMs };
    const options = { ...place, ...own, args: [request], workflowIdReusePolicy };
    return startUnlessEnded(client, pipelineWorkflowType, options, requestId);
  };
  // A run that is to follow another cannot be the first of its key.
  const isNoFirst = attachOnly || rerunOf !== undefined || excess.length > 0;
  const first = isNoFirst ? undefined : await start('REJECT_DUPLICATE');
  const begun = ({ runId }: Started) => ({ key, runId, firstRunId: runId, attached: false, notices: warnings });
  if (first?.isNew) return begun(first);
  const isUnknown = excess.length > 0 && rerunOf === undefined && (await describeKnown(client, key)) === undefined;
  if (isUnknown) throw refuseInvalid(key, excess);
  const last = await describeRun(client, key);
  refuseNoPipeline(key, last.workflowType);
  const attachTo = async (run: RunDescription) => {
    const attached = await attachToPipeline(client, key, request, run, isClosed(run));
    return { ...attached, notices: [...attached.notices, ...(await labelNotices(client, run, labels))] };
  };
  const isAttached = attachOnly && rerunOf === undefined;
  if (isAttached || !(await isRunAgain(client, last, request, { rerun, rerunOf }))) return await attachTo(last);
  if (attachOnly) {
    const message = `pipeline "${key}" has not been run again after its run "${last.runId}"`;
    throw new GenerationError({ type: 'KeyNotFound', message, key });
  }
  // Since it was described, the last run may have been followed by one that has ended by now.
  const again = await start('ALLOW_DUPLICATE', rerunOf === undefined ? undefined : idOfFollower(last, request));
  if (again?.isNew) return begun(again);
  if (rerunOf !== undefined) return await attachTo(await describeRun(client, key));
  throw stillRunning(key, 'somebody else has run it again meanwhile');
}

/**
 * Checks a request and returns it as plain JSON, with hints; throws `InvalidInput` with every problem that can be found
 * without a catalogue. For a request that `mayBeFound` under its key, problems of its prices are returned as `excess`:
 * they are no reason not to attach.
 */
export async function checkPipelineRequest(
  given: PipelineRequest,
  key: string,
  { isLookedFor = false, mayBeFound = false }: Pick<CheckOptions, 'isLookedFor'> & { mayBeFound?: boolean } = {},
): Promise<{ request: PipelineRequest; warnings: string[]; excess: InputIssue[] }> {
  const json = toJsonText(given);
  if ('issues' in json) throw refuseInvalid(key, json.issues);
  const bytes = Buffer.byteLength(json.text);
  if (bytes > maxPipelineBytes) {
    throw refuseInvalid(key, [
      { path: 'request', message: `has ${String(bytes)} bytes and may have ${String(maxPipelineBytes)}` },
    ]);
  }
  const parsed = parsePipelineRequest(JSON.parse(json.text));
  if (!parsed.ok) throw refuseInvalid(key, parsed.issues);
  const { request } = parsed;
  if (isLookedFor) return { request, warnings: [], excess: [] };
  const { plan, params = {}, lineage = key, maxCostUsd, budgets, orderAgain = false } = request;
  const report = await checkPlan(plan, { params, lineage });
  if (report.checked === undefined) throw refuseInvalid(key, report.issues);
  const known = report.checked.orders.filter(({ facts }) => 'entry' in facts);
  // What earlier runs of another lineage made is reused even by the first run of a key.
  const mayBeReused = orderAgain && lineage !== key;
  const excess = weighOrders(known, { maxCostUsd, needsPrices: budgets !== undefined, mayBeReused });
  if (excess.length > 0 && !mayBeFound) throw refuseInvalid(key, excess);
  // What cannot be checked here is checked by the worker, which has the catalogue.
  const warnings = report.warnings.filter((warning) => !warning.includes('no catalogue is at hand'));
  return { request, warnings, excess };
}

/** Defaults of options: a request that leaves one out equals one that has the default. */
const unsaid: Partial<Record<keyof PipelineRequest, unknown>> = { onUnknownSubmission: unsaidUnknownPolicy };

/** Attaches to the run of a key; throws if it has another plan or other params. */
export async function attachToPipeline(
  client: Client,
  key: string,
  request: PipelineRequest,
  { runId, firstRunId }: FoundRun,
  isEnded: boolean,
): Promise<StartedPipeline> {
  const original = await readOriginalRequest(client, key, runId);
  const started = { key, runId, firstRunId, attached: true };
  if (original === undefined) {
    return { ...started, notices: [`the first run of "${key}" is kept no longer: its plan could not be compared`] };
  }
  const parsed = parsePipelineRequest(original.request);
  const existing: Partial<Record<keyof PipelineRequest, unknown>> = parsed.ok ? parsed.request : original.request;
  const isSamePlan = isSameJson(existing.plan, request.plan);
  const isSame = isSamePlan && isSameJson(existing.params ?? {}, request.params ?? {});
  if (!isSame && !isEnded) {
    throw stillRunning(
      key,
      `it has another plan or other params; wait for its end, or cancel it, or choose another key`,
    );
  }
  if (!isSame) {
    const what = isSamePlan ? 'other params' : 'another plan';
    const message = `key "${key}" was run with ${what}: run it again on purpose (rerun), so that only what has changed is ordered, or choose another key`;
    throw new GenerationError({ type: 'KeyInUse', message, key });
  }
  const meant = (said: typeof existing, name: keyof PipelineRequest) => said[name] ?? unsaid[name] ?? null;
  const different = pipelineRequestFields.filter(
    (name) => name !== 'plan' && name !== 'params' && !isSameJson(meant(existing, name), meant(request, name)),
  );
  const notice = `attached to pipeline "${key}" as it was started first: ${different.join(', ')} of this call had no effect`;
  return { ...started, notices: different.length === 0 ? [] : [notice] };
}

/** The error for an invalid pipeline. */
export function refuseInvalid(key: string, issues: InputIssue[]): GenerationError {
  return new GenerationError({
    type: 'InvalidInput',
    message: `nothing was ordered, the pipeline is not valid (key ${key}): ${issuesSentence(issues)}`,
    key,
    submission: 'not_sent',
    issues,
  });
}
