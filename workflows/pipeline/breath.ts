import { condition, patched, workflowInfo } from '@temporalio/workflow';
import { pipelineTaskTimeoutMs } from '../../domain/pipeline/pipeline.ts';
import { localPauses, localPausesInTurns } from '../activity-options.ts';
import { hasTurn } from '../local-turns.ts';
import { type Pipeline, planOf } from './memory.ts';

/** Ends that come closer than this are worth waiting for. */
const closeMs = 5_000;
const shortestMs = 300;
/** Messages wait for the end of a breath, and the server gives a workflow task ten seconds. */
const longestMs = 4_000;
const endsInABreath = 4;

/**
 * Before a place is taken again in a fan-out whose orders end close to each other: a breath in the middle of the workflow
 * task, so that the next one hears of all that have ended meanwhile. Each task costs three events, and a history has room
 * for so many.
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

/** How often an order ends where one takes so long. */
function paceOf({ open }: Pipeline, orderMs = 0): number {
  return orderMs / (open.size + 1);
}

/** The same as the results tell it; infinite before the first. */
export function toldPaceOf(pipeline: Pipeline): number {
  return paceOf(pipeline, pipeline.toldMs ?? Infinity);
}

function breathMs(endsEveryMs: number): number {
  return Math.min(longestMs, Math.max(shortestMs, endsInABreath * endsEveryMs));
}

/**
 * The task, and what is asked for in it, waits for the end of a local activity; the workflow does not. So nothing depends on
 * when a replay hears of that end. Of all that end together the first does it. How long is left to the clock, which may say
 * something else in a replay; whether at all is not.
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
