import { patched } from '@temporalio/workflow';
import { breaths } from '../activity-options.ts';
import type { Pipeline } from './memory.ts';

/** Ends that come closer than this are worth waiting for. */
const closeMs = 3_000;
const breathMs = 1_000;

/**
 * Before a place is taken again in a fan-out whose orders end close to each other: a breath in the middle of the workflow
 * task, so that the next one hears of all that have ended meanwhile. Each task costs three events, and a history has room
 * for so many.
 */
export async function breathe(pipeline: Pipeline): Promise<void> {
  const isClose = Date.now() - pipeline.lastEndAt < closeMs;
  pipeline.lastEndAt = Date.now();
  if (pipeline.breath === undefined) {
    if (!isClose || pipeline.stop) return;
    pipeline.mayBreathe ??= patched('fan-outs-breathe');
    if (!pipeline.mayBreathe) return;
    pipeline.breath = takeBreath(pipeline);
  }
  await pipeline.breath;
}

async function takeBreath(pipeline: Pipeline): Promise<void> {
  pipeline.busy += 1;
  try {
    await breaths.breathe({ ms: breathMs });
  } catch {
    // It only waits: without it the places are taken again at once.
  } finally {
    pipeline.busy -= 1;
    pipeline.breath = undefined;
  }
}
