import type { Client } from '@temporalio/client';
import { sumOfKnown } from '../../domain/estimate.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { PipelinePreview } from '../../domain/pipeline/pipeline-preview.ts';
import type { PipelineRequest } from '../../domain/pipeline/pipeline-run.ts';
import { checkPlan } from '../../plans/check-plan.ts';
import { previewPlan } from '../../plans/deciding/preview-plan.ts';
import type { ModelLookupOptions } from '../../plans/model-facts.ts';
import { refuseAbove } from '../../plans/weigh-orders.ts';
import { createInputValidator } from '../../runcomfy/models/index.ts';
import { checkKey } from '../generation/check-arguments.ts';
import type { GenerationHandle } from '../generation/generation-handle.ts';
import { describeKnown, describeRun, isClosed } from '../generation/run-info.ts';
import { createKnownGenerations } from './known-generations.ts';
import { refuseNoPipeline } from './pipeline-errors.ts';
import { readPipelineState } from './read-pipeline-state.ts';
import { anewIf, checkRunAgain, isRunAgain, type RunAgain } from './run-again.ts';
import { attachToPipeline, checkPipelineRequest, refuseInvalid } from './start-pipeline.ts';

/** Options of a preview. */
export interface PipelinePreviewOptions extends RunAgain {
  /** Key of the run to preview. */
  key: string;
  /** RunComfy's catalogue, for prices and inputs; without it only bundled models are known. */
  catalogue?: ModelLookupOptions | undefined;
  /** Whether a file of an earlier run is no longer available; default: all are available. */
  isGone?: ((url: string) => Promise<boolean>) | undefined;
}

/** What a preview needs to look things up. */
export interface PreviewPlace {
  client: Client;
  generations: { get: (key: string) => Promise<GenerationHandle> };
  modelApiBase?: string | undefined;
}

/**
 * What `start` with the same arguments would order, by the same decisions that the run itself would make. Orders
 * nothing.
 */
export async function previewPipeline(
  { client, generations, modelApiBase }: PreviewPlace,
  given: PipelineRequest,
  { key, rerun, rerunOf, catalogue = {}, isGone = () => Promise.resolve(false) }: PipelinePreviewOptions,
): Promise<PipelinePreview> {
  checkKey(key);
  checkRunAgain({ rerun, rerunOf }, key);
  const { request } = await checkPipelineRequest(anewIf({ rerun, rerunOf }, given), key, { mayBeFound: true });
  const last = await (rerunOf === undefined ? describeKnown : describeRun)(client, key);
  if (last) refuseNoPipeline(key, last.workflowType);
  if (last && !(await isRunAgain(client, last, request, { rerun, rerunOf }))) {
    const { notices } = await attachToPipeline(client, key, request, last, isClosed(last));
    return summed({ key, attached: true, orders: [], steps: [], warnings: notices });
  }
  const { plan, params = {}, maxCostUsd, budgets, orderAgain: mayBeReused } = request;
  const limits = withoutUndefined({ maxCostUsd, needsPrices: budgets ? true : undefined, mayBeReused });
  const report = await checkPlan(plan, { ...catalogue, params, ...limits });
  if (report.checked === undefined) throw refuseInvalid(key, report.issues);
  const earlier = last ? await readPipelineState(client, key) : undefined;
  const known = createKnownGenerations(client, generations);
  const parts = {
    lookup: catalogue,
    validator: createInputValidator({ ...catalogue, modelApiBase }),
    generations: known,
    isGone,
    earlier: earlier?.steps ?? [],
    readOrder: known.orderOf,
  };
  const { orders, steps, warnings } = await previewPlan(parts, report.checked, { key, request });
  const unread = earlier?.isFromServer
    ? ['no worker answers: why an order is made is not known where the last run would tell']
    : [];
  const all = [...report.warnings, ...unread, ...warnings];
  const preview = summed({ key, attached: false, orders, steps, warnings: all });
  const excess = refuseAbove(preview.atLeastUsd, maxCostUsd);
  if (excess.length > 0) throw refuseInvalid(key, excess);
  return preview;
}

type Told = Pick<PipelinePreview, 'key' | 'attached' | 'orders' | 'steps' | 'warnings'>;

function summed({ key, attached, orders, steps, warnings }: Told): PipelinePreview {
  const count = (decision: string) => orders.filter((order) => order.decision === decision).length;
  const atLeastUsd = sumOfKnown(orders);
  const totalUsd = orders.some(({ priceUsd }) => priceUsd === null) ? null : atLeastUsd;
  const counts = { ordered: count('order'), reused: count('reuse') };
  return { key, attached, orders, steps, ...counts, currency: 'USD', totalUsd, atLeastUsd, warnings };
}
