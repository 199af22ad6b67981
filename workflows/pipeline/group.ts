import {
  ApplicationFailure,
  CancellationScope,
  condition,
  makeContinueAsNewFunc,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { isJsonObject } from '../../domain/json.ts';
import { pipelineGroupWorkflowType } from '../../domain/names.ts';
import { waitForKeyOf } from '../payload-converter.ts';
import { cancelPipeline, stopPipeline } from './cancellation.ts';
import { type GroupEnd, type GroupOrder, groupWishSignal } from './group-messages.ts';
import { type CarriedPipeline, carryPipeline, openGroupMemory, type Pipeline } from './memory.ts';
import { pipelineStateQuery } from './messages.ts';
import { isQuiet, runSteps } from './run-steps.ts';
import { type Telling, tellPipeline } from './tell-pipeline.ts';
import { tellState } from './visibility.ts';

/**
 * Makes the orders of one large fan-out for its pipeline, whose history has no room for them: as the pipeline would, by the
 * same code, and tells it what has changed.
 */
export async function runcomfyPipelineGroup(order: GroupOrder, carried?: CarriedPipeline): Promise<GroupEnd> {
  waitForKeyOf(order, carried);
  if (!isOfParent(order)) {
    const message = 'a group of orders is started by a pipeline alone; nothing was ordered';
    throw ApplicationFailure.create({ type: 'InvalidInput', message, nonRetryable: true });
  }
  const group = openGroupMemory(order, carried);
  const telling: Telling = { replies: [], isOver: false };
  listen(group, telling);
  return await CancellationScope.nonCancellable(async () => {
    const told = tellPipeline(group, order, telling);
    await runSteps(group, () => continueAsNew(order, group));
    await condition(() => isQuiet(group));
    group.hasEnded = true;
    telling.isOver = true;
    await told;
    return { isStopped: group.stop !== undefined };
  });
}

function isOfParent(order: unknown): boolean {
  return isJsonObject(order) && order['key'] !== undefined && order['key'] === workflowInfo().parent?.workflowId;
}

function listen(group: Pipeline, telling: Telling): void {
  setHandler(pipelineStateQuery, () => tellState(group));
  setHandler(groupWishSignal, async (payload: unknown) => {
    await CancellationScope.nonCancellable(() => grant(group, telling, payload));
  });
  CancellationScope.current().cancelRequested.catch(() => {
    void CancellationScope.nonCancellable(() => cancelPipeline(group, { detach: true }));
  });
}

async function grant(group: Pipeline, { replies }: Telling, payload: unknown): Promise<void> {
  const { kind, ask, reason, detach } = isJsonObject(payload) ? payload : {};
  if (kind === 'release') stopPipeline(group, { kind: 'cancelled' });
  if (kind !== 'cancel' || typeof ask !== 'number') return;
  const { steps } = await cancelPipeline(group, {
    ...(typeof reason === 'string' && { reason }),
    ...(detach === true && { detach }),
  });
  replies.push({ ask, steps });
  group.changes += 1;
}

async function continueAsNew(order: GroupOrder, group: Pipeline): Promise<never> {
  const next = makeContinueAsNewFunc<typeof runcomfyPipelineGroup>({ workflowType: pipelineGroupWorkflowType });
  return await next(order, carryPipeline(group));
}
