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
import { type CarriedGroup, carryPipeline, openGroupMemory, type Pipeline } from './memory.ts';
import { pipelineStateQuery } from './messages.ts';
import { isQuiet, runSteps } from './run-steps.ts';
import { type Telling, tellPipeline } from './tell-pipeline.ts';
import { tellState } from './visibility.ts';

interface Wishes {
  /** Cancels that are being answered. */
  asked: Set<number>;
  /** The run of the pipeline that released it last. */
  releasedBy: string | undefined;
}

/**
 * Makes the orders of one large fan-out for its pipeline, whose history has no room for them: as the pipeline would, by the
 * same code, and tells it what has changed.
 */
export async function runcomfyPipelineGroup(order: GroupOrder, carried?: CarriedGroup): Promise<GroupEnd> {
  waitForKeyOf(order, carried);
  if (!isOfParent(order)) {
    const message = 'a group of orders is started by a pipeline alone; nothing was ordered';
    throw ApplicationFailure.create({ type: 'InvalidInput', message, nonRetryable: true });
  }
  const group = openGroupMemory(order, carried);
  const telling: Telling = { replies: [], known: new Map(), isOver: false };
  const wishes: Wishes = { asked: new Set(), releasedBy: undefined };
  listen(group, telling, wishes);
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

function listen(group: Pipeline, telling: Telling, wishes: Wishes): void {
  setHandler(pipelineStateQuery, () => tellState(group));
  setHandler(groupWishSignal, async (payload: unknown) => {
    await CancellationScope.nonCancellable(() => grant(group, telling, wishes, payload));
  });
  CancellationScope.current().cancelRequested.catch(() => {
    void CancellationScope.nonCancellable(() => cancelPipeline(group, { detach: true }));
  });
}

async function grant(group: Pipeline, telling: Telling, wishes: Wishes, payload: unknown): Promise<void> {
  const { kind, ask, by, reason, detach } = isJsonObject(payload) ? payload : {};
  if (kind !== 'cancel' || typeof ask !== 'number') {
    // A wish only ever asks for less: one that cannot be read begins nothing more.
    stopPipeline(group, { kind: 'cancelled' });
    if (kind === 'release' && typeof by === 'string' && wishes.releasedBy !== by) {
      wishes.releasedBy = by;
      // Who releases it is a run that has heard nothing.
      telling.known.clear();
      group.changes += 1;
    }
    return;
  }
  if (wishes.asked.has(ask)) return;
  wishes.asked.add(ask);
  const { steps } = await cancelPipeline(group, {
    ...(typeof reason === 'string' && { reason }),
    ...(detach === true && { detach }),
  });
  wishes.asked.delete(ask);
  telling.replies.push({ ask, steps });
  group.changes += 1;
}

async function continueAsNew(order: GroupOrder, group: Pipeline): Promise<never> {
  const next = makeContinueAsNewFunc<typeof runcomfyPipelineGroup>({ workflowType: pipelineGroupWorkflowType });
  const { checked: _, ...carried } = carryPipeline(group);
  // What is handed on twice may be more than Temporal takes.
  return await next({ ...order, steps: order.steps.filter(({ id }) => id === order.id) }, carried);
}
