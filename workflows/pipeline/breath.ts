import { patched } from '@temporalio/workflow';
import { breaths } from '../activity-options.ts';
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
  if (!planOf(pipeline).isSparing) {
    await breatheAsBefore(pipeline);
    return;
  }
  if (pipeline.breath === undefined) {
    const endsEveryMs = (pipeline.orderMs ?? 0) / (pipeline.open.size + 1);
    if (endsEveryMs > closeMs || pipeline.stop) return;
    const ms = Math.min(longestMs, Math.max(shortestMs, endsInABreath * endsEveryMs));
    if (!hasTurn(ms)) return;
    pipeline.breath = takeBreath(pipeline, Math.round(ms));
  }
  await pipeline.breath;
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
    await breaths.breathe({ ms });
  } catch {
    // It only waits: without it the places are taken again at once.
  } finally {
    pipeline.busy -= 1;
    pipeline.breath = undefined;
  }
}
