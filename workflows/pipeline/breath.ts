import { condition, patched, workflowInfo } from '@temporalio/workflow';
import { pipelineTaskTimeoutMs } from '../../domain/pipeline/pipeline.ts';
import { localPauses, localPausesInTurns } from '../activity-options.ts';
import { hasTurn } from '../local-turns.ts';
import { type Pipeline, planOf } from './memory.ts';

/** Gap between ends that is short enough to wait for the next one, in milliseconds. */
const closeMs = 5_000;
const shortestMs = 300;
/** Longest breath, in milliseconds: messages wait for its end, and the server gives a workflow task ten seconds. */
const longestMs = 4_000;
const endsInABreath = 4;

/**
 * Pauses before a slot is taken again in a fan-out whose orders end close to each other. The pause is in the middle of
 * the workflow task, so that the next task hears of all orders that have ended meanwhile. Each task costs three events,
 * and the room in a history is limited.
 */
export async function breathe(pipeline: Pipeline): Promise<void> {
  const { isSparing, isSteady } = planOf(pipeline);
  if (isSteady) {
    keepTaskOpen(pipeline);
    return;
  }
  if (!isSparing) {
    await breatheAsBefore(pipeline);
    return;
  }
  if (pipeline.breath === undefined) {
    const endsEveryMs = paceOf(pipeline, pipeline.orderMs);
    if (endsEveryMs > closeMs || pipeline.stop) return;
    const ms = breathMs(endsEveryMs);
    if (!hasTurn(ms)) return;
    pipeline.breath = takeBreath(pipeline, Math.round(ms));
  }
  await pipeline.breath;
}

/** Average gap between ends of open orders, in milliseconds, if one order takes `orderMs`. */
function paceOf({ open }: Pipeline, orderMs = 0): number {
  return orderMs / (open.size + 1);
}

/** The same according to the results; infinite before the first one. */
export function toldPaceOf(pipeline: Pipeline): number {
  return paceOf(pipeline, pipeline.toldMs ?? Infinity);
}

function breathMs(endsEveryMs: number): number {
  return Math.min(longestMs, Math.max(shortestMs, endsInABreath * endsEveryMs));
}

/**
 * Keeps the workflow task open by a local activity. The task, and commands made in it, wait for the end of that
 * activity; the workflow does not, so nothing depends on when a replay sees that end. Of all orders that end together,
 * the first does this. The clock, which may differ in a replay, decides how long, but not whether.
 */
function keepTaskOpen(pipeline: Pipeline): void {
  const isClose = toldPaceOf(pipeline) <= closeMs;
  const isLong = workflowInfo().taskTimeoutMs >= pipelineTaskTimeoutMs;
  if (!isClose || !isLong || pipeline.stop || pipeline.isTaskKeptOpen) return;
  const ms = Math.round(breathMs(paceOf(pipeline, pipeline.orderMs)));
  pipeline.isTaskKeptOpen = true;
  pipeline.hasKeptTasksOpen = true;
  localPauses.breathe({ ms }).catch(() => {
    // Without it the task ends at once.
  });
  let looks = 0;
  void condition(() => (looks += 1) > 1).then(() => {
    pipeline.isTaskKeptOpen = false;
  });
}

async function breatheAsBefore(pipeline: Pipeline): Promise<void> {
  const gapMs = Date.now() - pipeline.lastEndAt;
  pipeline.lastEndAt = Date.now();
  if (pipeline.breath === undefined) {
    if (gapMs >= 3_000 || pipeline.stop) return;
    pipeline.mayBreathe ??= patched('fan-outs-breathe');
    if (!pipeline.mayBreathe) return;
    pipeline.breath = takeBreath(pipeline, 1_000);
  }
  await pipeline.breath;
}

async function takeBreath(pipeline: Pipeline, ms: number): Promise<void> {
  pipeline.busy += 1;
  try {
    await localPausesInTurns.breathe({ ms });
  } catch {
    // It only waits: without it the places are taken again at once.
  } finally {
    pipeline.busy -= 1;
    pipeline.breath = undefined;
  }
}
